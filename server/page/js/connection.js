// @ts-check
/**
 * The state of the connection with the age of the last message, and the entry of a token.
 * @module connection
 */

import { currentToken, setToken } from "./api.js";
import { byId, setText } from "./frame.js";
import { connect, status } from "./socket.js";
import { on } from "./state.js";
import { duration } from "./time.js";

/** From this age on, the connection is shown as slow, in milliseconds. */
const SLOW = 7_000;

const dialog = /** @type {HTMLDialogElement} */ (byId("token-dialog"));
const input = /** @type {HTMLInputElement} */ (byId("token"));

function draw() {
  const { connection, age, retryIn, reason } = status();
  const box = byId("connection");
  const isSlow = connection === "live" && age !== null && age > SLOW;
  box.dataset.state = isSlow ? "slow" : connection;
  const words = {
    connecting: ["Connecting", ""],
    live: [isSlow ? "Silent" : "Live", age === null ? "" : age < 1_000 ? "< 1 s" : duration(age)],
    waiting: ["Offline", retryIn === null ? "" : `retry in ${Math.ceil(retryIn / 1_000)} s`],
    refused: ["Token needed", ""],
  };
  const [word, detail] = words[connection];
  setText(byId("connection-state"), word);
  setText(byId("connection-age"), detail);
  box.title = reason || "Age of the last message of the server";
}

/** Opens the entry of a token. @param {string} [why] */
export function openToken(why = "") {
  if (dialog.open) return;
  setText(byId("token-message"), why);
  byId("token-message").hidden = !why;
  byId("token-forget").hidden = !currentToken();
  input.value = "";
  dialog.showModal();
}

/** Starts the status line. @param {() => void} restart loads the page's data with another token */
export function startConnection(restart) {
  on("connection", draw);
  setInterval(draw, 500);
  on("refused", (code) => {
    const text = currentToken()
      ? code === 403
        ? "This token does not have the scope that is needed."
        : "The server refused this token. It may have expired or been revoked."
      : "This server needs a token.";
    openToken(text);
  });
  byId("token-open").addEventListener("click", () => openToken());
  byId("token-form").addEventListener("submit", (event) => {
    event.preventDefault();
    if (!input.value.trim()) return;
    dialog.close();
    setToken(input.value);
    input.value = "";
    restart();
  });
  byId("token-forget").addEventListener("click", () => {
    dialog.close();
    setToken("");
    restart();
  });
  byId("token-cancel").addEventListener("click", () => dialog.close());
  byId("connection").addEventListener("click", () => {
    const { connection } = status();
    if (connection === "refused") openToken();
    else if (connection === "waiting") connect();
  });
  draw();
}

// @ts-check
/**
 * The WebSocket: subscriptions that survive reconnects, back-off with jitter, and the age of the last message.
 * @module socket
 */

import { currentToken } from "./api.js";
import { emit, on } from "./state.js";

/** A connection that is silent for this long is asked for a sign of life, and ended after twice the time. */
const SILENCE = 10_000;
const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 15_000;

/** @typedef {"connecting" | "live" | "waiting" | "refused"} Connection */

/** @type {WebSocket | null} */
let socket = null;
let failures = 0;
let retryAt = 0;
let lastMessageAt = 0;
let messages = 0;
let opened = 0;
/** @type {Connection} */
let connection = "connecting";
let reason = "";
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;
/** Requests by key. @type {Map<string, Record<string, unknown>>} */
const wanted = new Map();
/** @type {Map<string, ((message: any) => void)[]>} */
const handlers = new Map();

/** What the status line shows. */
export const status = () => ({
  connection,
  reason,
  messages,
  opened,
  age: lastMessageAt ? performance.now() - lastMessageAt : null,
  retryIn: connection === "waiting" ? Math.max(0, retryAt - performance.now()) : null,
});

/**
 * Calls `handler` with each message of this type.
 * @param {string} type
 * @param {(message: any) => void} handler
 */
export function onMessage(type, handler) {
  handlers.set(type, [...(handlers.get(type) ?? []), handler]);
}

/**
 * Keeps a subscription until it is replaced or ended. A key has one request at a time.
 * @param {string} key
 * @param {Record<string, unknown>} request the fields besides `op`
 */
export function subscribe(key, request) {
  const before = wanted.get(key);
  if (before && JSON.stringify(before) !== JSON.stringify(request)) send({ op: "unsubscribe", ...before, depth: undefined });
  wanted.set(key, request);
  send({ op: "subscribe", ...request });
}

/** @param {string} key */
export function unsubscribe(key) {
  const before = wanted.get(key);
  wanted.delete(key);
  if (before) send({ op: "unsubscribe", ...before, depth: undefined });
}

/** Sends the request of this key again, to get the state from its start. @param {string} key */
export function renew(key) {
  const request = wanted.get(key);
  if (request) send({ op: "subscribe", ...request });
}

/** @param {Record<string, unknown>} request */
function send(request) {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(request));
}

/** Connects, and connects again whenever the connection ends. */
export function connect() {
  clearTimeout(timer);
  socket?.close();
  change("connecting", "");
  const url = new URL("/ws", location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  const made = new WebSocket(url);
  socket = made;
  made.onopen = () => {
    lastMessageAt = performance.now();
    if (currentToken()) send({ op: "authenticate", token: currentToken() });
    for (const request of wanted.values()) send({ op: "subscribe", ...request });
    failures = 0;
    opened += 1;
    change("live", "");
    emit("opened", opened);
  };
  made.onmessage = (event) => {
    lastMessageAt = performance.now();
    messages += 1;
    const message = JSON.parse(event.data);
    for (const handler of handlers.get(message.type) ?? []) handler(message);
  };
  made.onclose = (event) => {
    if (socket !== made) return;
    socket = null;
    // a token that is missing, wrong, expired or revoked
    if (event.code === 1008 && /token|authenticat/i.test(event.reason)) {
      change("refused", event.reason);
      emit("refused", 401);
      return;
    }
    const longest = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** failures);
    const pause = longest * (0.5 + Math.random() / 2);
    failures += 1;
    retryAt = performance.now() + pause;
    timer = setTimeout(connect, pause);
    change("waiting", event.reason || "The connection was lost.");
  };
}

/** @param {Connection} next @param {string} why */
function change(next, why) {
  connection = next;
  reason = why;
  emit("connection");
}

setInterval(() => {
  if (connection !== "live" || !socket) return;
  const silent = performance.now() - lastMessageAt;
  if (silent > 2 * SILENCE) socket.close();
  else if (silent > SILENCE) send({ op: "ping" });
}, 1_000);

on("token", () => {
  if (opened || connection === "refused") connect();
});

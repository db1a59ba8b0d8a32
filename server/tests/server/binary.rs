//! Tests of the server program: its output, exit codes and signals.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::whole_server::{HOSTS, SYNC_EVERY};

const DEADLINE: Duration = Duration::from_secs(30);

/// A running server program; it is killed when the test fails.
pub(crate) struct Program {
    child: Child,
    url: String,
    /// A thread that reads the log continuously, because a full pipe would block the server.
    log: Option<JoinHandle<String>>,
    /// The directory of its spool, unless the variables set another one.
    _spool: TempDir,
}

impl Program {
    /// Starts the program on a free port and waits until it prints its address.
    pub(crate) fn start(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        Self::run(command(arguments, variables))
    }

    /// Starts the program on another address than 127.0.0.1.
    pub(crate) fn listening(address: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        Self::run(command_on(address, arguments, variables))
    }

    /// Starts the program with at most `most` open files.
    pub(crate) fn with_open_files(
        most: u32,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Self {
        let program = command(arguments, variables);
        let mut limited = Command::new("sh");
        limited
            .args(["-c", &format!("ulimit -n {most} && exec \"$0\" \"$@\"")])
            .arg(program.get_program())
            .args(program.get_args())
            .envs([HOSTS])
            .envs(variables.iter().copied());
        Self::run(limited)
    }

    fn run(mut program: Command) -> Self {
        let spool = tempfile::tempdir().expect("a folder");
        if !program
            .get_envs()
            .any(|(name, _)| name == "TICKBOOK__SPOOL__DIRECTORY")
        {
            program.env("TICKBOOK__SPOOL__DIRECTORY", spool.path());
        }
        if !program.get_envs().any(|(name, _)| name == SYNC_EVERY) {
            program.env(SYNC_EVERY, "none");
        }
        let program = program
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = program.spawn().expect("it starts");
        let mut stderr = child.stderr.take().expect("piped");
        let log = std::thread::spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).expect("UTF-8");
            text
        });
        let mut line = String::new();
        let stdout = child.stdout.as_mut().expect("piped");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        match line.trim_end().strip_prefix("listening on ") {
            Some(url) => Self {
                url: url.to_owned(),
                child,
                log: Some(log),
                _spool: spool,
            },
            None => panic!("{line:?}: {}", log.join().expect("the log")),
        }
    }

    /// Its resident memory in bytes.
    pub(crate) fn memory(&self) -> u64 {
        let id = self.child.id();
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.expect("a line").trim().trim_end_matches(" kB");
        kib.parse::<u64>().expect("a number") * 1_024
    }

    /// Host and port.
    pub(crate) fn address(&self) -> &str {
        let (_, address) = self.url.split_once("://").expect("an address");
        address
    }

    pub(crate) fn get(&self, path: &str) -> (u16, Value) {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .into();
        let mut answer = agent
            .get(format!("{}{path}", self.url))
            .call()
            .expect("an answer");
        let body = answer.body_mut().read_json().expect("JSON");
        (answer.status().as_u16(), body)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .into();
        let url = format!("{}{path}", self.url);
        let mut answer = agent.post(url).send_json(body).expect("an answer");
        let body = answer.body_mut().read_json().expect("JSON");
        (answer.status().as_u16(), body)
    }

    /// Posts `body` as it is.
    pub(crate) fn post_text(&self, path: &str, body: &str) -> (u16, Value) {
        let url = format!("{}{path}", self.url);
        let posting = ureq::post(url).header("Content-Type", "application/json");
        let mut answer = posting.send(body).expect("an answer");
        let body = answer.body_mut().read_json().expect("JSON");
        (answer.status().as_u16(), body)
    }

    pub(crate) fn get_text(&self, path: &str) -> String {
        let mut answer = ureq::get(format!("{}{path}", self.url))
            .call()
            .expect("an answer");
        answer.body_mut().read_to_string().expect("text")
    }

    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status();
        assert!(sent.expect("kill is there").success());
    }

    /// Sends a signal and waits for the end. Returns the exit status and the log.
    pub(crate) fn stop(mut self, signal: &str) -> (ExitStatus, String) {
        self.signal(signal);
        let status = wait(&mut self.child);
        let log = self.log.take().expect("taken once");
        (status, log.join().expect("the log"))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // it may already have ended
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = command_on("127.0.0.1:0", arguments, variables);
    if !variables.iter().any(|(name, _)| *name == HOSTS.0) {
        command.envs([HOSTS]);
    }
    command
}

/// Without names of the server.
fn command_on(address: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_orderbook-server"));
    command
        .args(["--listen", address])
        .args(arguments)
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn wait(child: &mut Child) -> ExitStatus {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(status) = child.try_wait().expect("a child") {
            return status;
        }
        if Instant::now() >= deadline {
            let _ = child.kill();
            panic!("the program does not end");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Runs the program until it fails. Returns the last line on standard error.
pub(crate) fn fails(arguments: &[&str], variables: &[(&str, &str)]) -> (Output, String) {
    fails_on("127.0.0.1:0", arguments, variables)
}

/// Like [`fails`], on another address.
pub(crate) fn fails_on(
    address: &str,
    arguments: &[&str],
    variables: &[(&str, &str)],
) -> (Output, String) {
    let mut command = command_on(address, arguments, variables);
    let mut child = command.spawn().expect("it starts");
    wait(&mut child);
    let output = child.wait_with_output().expect("its output");
    let text = String::from_utf8(output.stderr.clone()).expect("UTF-8");
    assert!(output.stdout.is_empty(), "{output:?}");
    let line = text.lines().last().unwrap_or_default().to_owned();
    (output, line)
}

#[test]
fn signal_stops_the_server_with_all_ticks_stored() {
    for signal in ["TERM", "INT"] {
        let arguments = ["--store", "memory", "--feed", "simulated", "--seed", "7"];
        let program = Program::start(&arguments, &[]);
        let deadline = Instant::now() + DEADLINE;
        while program.get("/health/ready").1["feed"]["received"] == 0 {
            assert!(Instant::now() < deadline, "the feed delivers no ticks");
            std::thread::sleep(Duration::from_millis(10));
        }
        let (status, log) = program.stop(signal);
        assert_eq!(status.code(), Some(0), "{signal}: {log}");
        assert!(log.contains("seed=7"), "{log}");
        assert!(log.contains("every record of the feed is settled"), "{log}");
        assert!(!log.contains("ERROR"), "{log}");
    }
}

#[test]
fn second_signal_ends_the_server_at_once() {
    let program = Program::start(&["--store", "memory"], &[]);
    let address = program.address().to_owned();
    // a request that never ends keeps the server from stopping
    let mut stream = std::net::TcpStream::connect(&address).expect("it listens");
    let head = "POST /api/v1/ticks HTTP/1.1\r\nHost: test\r\nContent-Length: 2\r\n\
                Content-Type: application/json\r\nExpect: 100-continue\r\n\r\n";
    std::io::Write::write_all(&mut stream, head.as_bytes()).expect("sent");
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).expect("an answer");
    let begun = Instant::now();
    program.signal("TERM");
    // once no connection is accepted, the server has handled the first signal
    while std::net::TcpStream::connect(&address).is_ok() {
        assert!(begun.elapsed() < DEADLINE, "the server accepts connections");
        std::thread::sleep(Duration::from_millis(10));
    }
    let (status, log) = program.stop("TERM");
    assert_eq!(status.code(), Some(1), "{log}");
    assert!(log.contains("a second signal"), "{log}");
    assert!(
        begun.elapsed() < Duration::from_secs(8),
        "{:?}",
        begun.elapsed()
    );
}

#[test]
fn taken_port_is_a_clear_error() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("bound").to_string();
    let mut command = Command::new(env!("CARGO_BIN_EXE_orderbook-server"));
    command.args(["--store", "memory", "--listen", &address]);
    let output = command.output().expect("it runs");
    let text = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(1));
    let line = text.lines().last().expect("a line");
    assert!(
        line.starts_with(&format!("error: cannot listen on {address}")),
        "{line}"
    );
    assert!(line.contains("--listen"), "{line}");
}

#[test]
fn missing_file_is_a_clear_error() {
    let arguments = [
        "--store", "memory", "--feed", "replay", "--symbol", "EURUSD",
    ];
    let file = ["--replay", "no-such-file.csv"];
    let (output, line) = fails(&[&arguments[..], &file].concat(), &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(line.starts_with("error: no-such-file.csv"), "{line}");
}

#[test]
fn wrong_settings_are_a_clear_error() {
    let variables = [
        ("DATABASE_URL", "mysql://user:S3cretPw@host/db"),
        ("TICK_BATCH_SIZE", "0"),
    ];
    let (output, _) = fails(&["--store", "memory"], &variables);
    let text = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(1));
    assert!(text.starts_with("error: invalid settings"), "{text}");
    assert!(
        text.contains("DATABASE_URL") && text.contains("TICK_BATCH_SIZE"),
        "{text}"
    );
    assert!(!text.contains("S3cretPw"), "{text}");
}

#[test]
fn help_teaches_with_examples() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_orderbook-server"));
    let output = command.arg("--help").output().expect("it runs");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    for word in [
        "Examples:",
        "--store memory --feed simulated",
        "DATABASE_URL",
        "SIGTERM",
    ] {
        assert!(text.contains(word), "missing {word}:\n{text}");
    }
}

/// The log on a terminal, up to the line that says that the server listens.
fn log_on_a_terminal(variables: &[(&str, &str)]) -> String {
    let spool = tempfile::tempdir().expect("a folder");
    let program = env!("CARGO_BIN_EXE_orderbook-server");
    let line =
        format!("echo $$; exec {program} --store memory --feed simulated --listen 127.0.0.1:0");
    let mut script = Command::new("script");
    script
        .args(["-qec", &line, "/dev/null"])
        .env("TICKBOOK__SPOOL__DIRECTORY", spool.path())
        .env_remove("RUST_LOG")
        .env_remove("NO_COLOR")
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let mut child = script.spawn().expect("script runs");
    let mut lines = BufReader::new(child.stdout.take().expect("piped"));
    let mut log = String::new();
    while !(log.contains("listening on") && log.contains("simulated feed")) {
        let mut line = Vec::new();
        let length = lines.read_until(b'\n', &mut line).expect("read");
        assert_ne!(length, 0, "the program ended: {log}");
        log.push_str(&String::from_utf8_lossy(&line));
    }
    // the end of the terminal does not end a server that ignores SIGHUP, as below nohup
    let id = log
        .lines()
        .next()
        .expect("the number of the process")
        .trim();
    let reported = Command::new("kill").args(["-TERM", id]).status();
    assert!(
        reported.is_ok_and(|status| status.success()),
        "kill -TERM {id}"
    );
    wait(&mut child);
    log
}

#[test]
fn log_has_no_colours_when_unwanted() {
    if Command::new("script").arg("--version").output().is_err() {
        suite::skip("there is no program script");
        return;
    }
    let coloured = log_on_a_terminal(&[]);
    assert!(coloured.contains("\u{1b}["), "{coloured}");
    let coloured = log_on_a_terminal(&[("NO_COLOR", "")]);
    assert!(coloured.contains("\u{1b}["), "{coloured}");
    let plain = log_on_a_terminal(&[("NO_COLOR", "1")]);
    assert!(plain.contains("INFO"), "{plain}");
    assert!(!plain.contains('\u{1b}'), "{plain}");
}

//! Records the statements that clients send through a proxy, and the plans that `auto_explain` reports.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use fault_proxy::{Direction, FaultProxy};
use serde_json::Value;
use tickbook::Database;

/// Parameters of the library's URLs: no encryption, which the recorder could not read.
const READABLE: &str = "&sslmode=disable&gssencmode=disable";

/// Settings of the session, for URLs: every plan is reported as a notice and made for the values of its
/// execution. The costs are the defaults of PostgreSQL, because servers may have others.
const EXPLAINED: [&str; 14] = [
    "session_preload_libraries=auto_explain",
    "auto_explain.log_min_duration=0",
    "auto_explain.log_format=json",
    "auto_explain.log_level=notice",
    "client_min_messages=notice",
    "plan_cache_mode=force_custom_plan",
    "max_parallel_workers_per_gather=0",
    "jit=off",
    "seq_page_cost=1",
    "random_page_cost=4",
    "effective_cache_size=4GB",
    "work_mem=4MB",
    "hash_mem_multiplier=2",
    "default_statistics_target=100",
];

/// A statement that was executed.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    pub(super) database: Database,
    pub(super) sql: String,
    /// The plans; empty for statements that have none, such as `COMMIT`.
    pub(super) plans: Vec<Value>,
    connection: u64,
}

/// Proxies to both databases, and the statements that passed them.
pub(super) struct Recorder {
    proxies: Vec<(Database, FaultProxy)>,
    sent: Arc<Mutex<Vec<Sent>>>,
}

impl Recorder {
    /// Starts the proxies to the servers of these URLs.
    pub(super) fn start(urls: [(Database, &str); 2]) -> Self {
        let sent = Arc::new(Mutex::new(Vec::new()));
        let proxies = urls.map(|(database, url)| {
            let streams = Mutex::new(Streams {
                database,
                rest: HashMap::new(),
                prepared: HashMap::new(),
                sent: Arc::clone(&sent),
            });
            let proxy = FaultProxy::builder_of_url(url)
                .observed_by(move |connection, direction, bytes| {
                    lock(&streams).read(connection, direction, bytes);
                })
                .start();
            (database, proxy)
        });
        Self {
            proxies: Vec::from(proxies),
            sent,
        }
    }

    /// `url` of that database through its proxy. With `plans`, the server reports the plan of each statement.
    pub(super) fn url(&self, database: Database, url: &str, plans: bool) -> String {
        let proxy = self.proxies.iter().find(|(of, _)| *of == database);
        let (_, proxy) = proxy.expect("a proxy for each database");
        let settings = EXPLAINED.iter().filter(|_| plans);
        // the options are the last parameter of the URL
        let options: String = settings
            .map(|setting| format!("%20-c{}", setting.replace('=', "%3D")))
            .collect();
        proxy.url(url) + &options + READABLE
    }

    /// Forgets the recorded statements and returns them.
    pub(super) fn take(&self) -> Vec<Sent> {
        std::mem::take(&mut lock(&self.sent))
    }
}

/// The messages of all connections to one database.
struct Streams {
    database: Database,
    /// The bytes of incomplete messages.
    rest: HashMap<(u64, Direction), Vec<u8>>,
    prepared: HashMap<(u64, String), String>,
    sent: Arc<Mutex<Vec<Sent>>>,
}

impl Streams {
    fn read(&mut self, connection: u64, direction: Direction, bytes: &[u8]) {
        let is_first = !self.rest.contains_key(&(connection, direction));
        let rest = self.rest.entry((connection, direction)).or_default();
        rest.extend_from_slice(bytes);
        let mut messages = Vec::new();
        // the first message of a client has no kind
        let mut kind_bytes = usize::from(!is_first || direction == Direction::ToClient);
        while let Some(length) = rest.get(kind_bytes..kind_bytes + 4) {
            let length = u32::from_be_bytes(length.try_into().expect("four bytes")) as usize;
            if rest.len() < kind_bytes + length {
                break;
            }
            let message: Vec<u8> = rest.drain(..kind_bytes + length).collect();
            if kind_bytes == 1 {
                messages.push((message[0], message[5..].to_vec()));
            }
            kind_bytes = 1;
        }
        for (kind, content) in messages {
            match direction {
                Direction::ToServer => self.of_client(connection, kind, &content),
                Direction::ToClient => self.of_server(connection, kind, &content),
            }
        }
    }

    fn of_client(&mut self, connection: u64, kind: u8, content: &[u8]) {
        let mut texts = content.split(|byte| *byte == 0);
        let mut text = || String::from_utf8_lossy(texts.next().unwrap_or_default()).into_owned();
        match kind {
            b'Q' => self.executes(connection, text()),
            b'P' => {
                let name = text();
                self.prepared.insert((connection, name), text());
            }
            // a portal is bound once for each execution
            b'B' => {
                let _portal = text();
                let sql = self.prepared.get(&(connection, text())).cloned();
                self.executes(connection, sql.expect("prepared before"));
            }
            _ => {}
        }
    }

    fn executes(&self, connection: u64, sql: String) {
        lock(&self.sent).push(Sent {
            database: self.database,
            sql,
            plans: Vec::new(),
            connection,
        });
    }

    /// Adds the plan of a notice to its statement. The server may report it when the portal is closed, after
    /// later statements.
    fn of_server(&self, connection: u64, kind: u8, content: &[u8]) {
        let text = |field: &[u8]| String::from_utf8_lossy(field).into_owned();
        let mut fields = content.split(|byte| *byte == 0);
        let message = fields.find(|field| field.first() == Some(&b'M'));
        let (b'N', Some(message)) = (kind, message.map(text)) else {
            return;
        };
        let Some((_, plan)) = message.split_once(" plan:\n") else {
            return;
        };
        let plan: Value = serde_json::from_str(plan).expect("JSON of auto_explain");
        let sql = plan["Query Text"].as_str().unwrap_or_default();
        let mut sent = lock(&self.sent);
        let is_its = |sent: &&mut Sent| {
            (sent.database, sent.connection) == (self.database, connection) && sent.sql == sql
        };
        let index = sent
            .iter_mut()
            .filter(is_its)
            .position(|sent| sent.plans.is_empty());
        let mut all = sent.iter_mut().filter(is_its);
        // a text of several statements has several plans
        let its = match index {
            Some(index) => all.nth(index),
            None => all.last(),
        };
        if let Some(its) = its {
            its.plans.push(plan["Plan"].clone());
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no panic")
}

//! A mail server of no known make: old, incomplete, or wrong in ways that real servers were reported to be. It holds
//! messages, answers by the letter of its settings, and both can be changed while it runs.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;
use tokio::task::JoinHandle;

/// What the server does with the header of a message that it cannot give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// It answers what nobody can read, and hangs up.
    Garbage,
    /// It refuses the whole command.
    Refusal,
    /// It says good-bye.
    Bye,
    /// It gives a date that nobody can read, and hangs up.
    Date,
}

/// What the server answers a client that asks to be told of other folders (RFC 5465).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notify {
    /// It will tell.
    Granted,
    /// It will not.
    Refused,
    /// It hangs up.
    Dropped,
}

/// One message.
#[derive(Debug, Clone)]
pub struct Message {
    /// Its UID.
    pub uid: u32,
    /// Its header block.
    pub header: Vec<u8>,
    /// INTERNALDATE as the server writes it; `None` for never.
    pub date: Option<String>,
    /// Its flags as the server writes them.
    pub flags: String,
    /// Its EMAILID.
    pub email_id: String,
    /// What happens when its header is asked for.
    pub trouble: Option<Trouble>,
}

impl Message {
    /// An ordinary message of a moment ago.
    pub fn new(uid: u32, header: impl Into<Vec<u8>>) -> Self {
        let date = Some("24-Nov-2026 10:00:00 +0100".to_owned());
        let (flags, email_id) = (String::new(), format!("M{uid}"));
        Self { uid, header: header.into(), date, flags, email_id, trouble: None }
    }
}

/// One folder.
#[derive(Debug, Clone, Default)]
pub struct OddFolder {
    /// Its UIDVALIDITY.
    pub uid_validity: u32,
    /// Its UIDNEXT; `None` where the server does not say.
    pub uid_next: Option<u32>,
    /// Its messages, by ascending UID.
    pub messages: Vec<Message>,
}

/// What the server is like.
#[derive(Debug, Clone)]
pub struct Settings {
    /// After `IMAP4rev1`.
    pub capabilities: String,
    /// The answers to LIST, without their `* LIST`.
    pub list: Vec<String>,
    /// Folders by their names as the protocol writes them.
    pub folders: BTreeMap<String, OddFolder>,
    /// After so many further commands the server says good-bye, once.
    pub bye_after: Option<usize>,
    /// Said before the answer to every command: what other sessions do, keep-alives, oddities.
    pub chatter: String,
    /// What it answers NOTIFY.
    pub notify: Notify,
    /// Every command that was heard, without its tag.
    pub heard: Vec<String>,
}

/// A running server; dropping it ends it.
pub struct Odd {
    /// Its loopback port.
    pub port: u16,
    settings: Arc<Mutex<Settings>>,
    news: broadcast::Sender<String>,
    task: JoinHandle<()>,
}

impl Odd {
    /// A server with an empty INBOX.
    pub async fn start(capabilities: &str) -> Self {
        let inbox = OddFolder { uid_validity: 7, uid_next: Some(1), messages: Vec::new() };
        let settings = Settings {
            capabilities: capabilities.to_owned(),
            list: vec!["() \"/\" INBOX".to_owned()],
            folders: BTreeMap::from([("INBOX".to_owned(), inbox)]),
            bye_after: None,
            chatter: String::new(),
            notify: Notify::Granted,
            heard: Vec::new(),
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let port = listener.local_addr().expect("its port").port();
        let settings = Arc::new(Mutex::new(settings));
        let news = broadcast::Sender::new(16);
        let (shared, telling) = (Arc::clone(&settings), news.clone());
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(client, Arc::clone(&shared), telling.clone()));
            }
        });
        Self { port, settings, news, task }
    }

    /// Says a line to every client that idles; whether any does.
    pub fn tell(&self, line: &str) -> bool {
        self.news.send(line.to_owned()).is_ok()
    }

    /// Its settings and its mail, to be changed.
    pub fn settings(&self) -> MutexGuard<'_, Settings> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes a folder, which is made if need be.
    pub fn folder(&self, name: &str, change: impl FnOnce(&mut OddFolder)) {
        change(self.settings().folders.entry(name.to_owned()).or_default());
    }

    /// A message arrives in a folder.
    pub fn arrive(&self, folder: &str, message: Message) {
        self.folder(folder, |folder| {
            folder.uid_next = folder.uid_next.map(|next| next.max(message.uid + 1));
            folder.messages.push(message);
        });
    }

    /// How many of the commands heard begin so.
    pub fn heard(&self, prefix: &str) -> usize {
        self.settings().heard.iter().filter(|command| command.starts_with(prefix)).count()
    }
}

impl Drop for Odd {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What becomes of the line after an answer.
enum After {
    Stay(String),
    Leave(String),
}

/// Idles with a client until it has enough.
async fn idle(client: &mut BufReader<TcpStream>, tag: &str, mut news: broadcast::Receiver<String>) -> io::Result<()> {
    client.get_mut().write_all(b"+ idling\r\n").await?;
    let mut line = String::new();
    loop {
        tokio::select! {
            read = client.read_line(&mut line) => {
                read?;
                return client.get_mut().write_all(format!("{tag} OK done\r\n").as_bytes()).await;
            }
            Ok(told) = news.recv() => client.get_mut().write_all(format!("{told}\r\n").as_bytes()).await?,
        }
    }
}

async fn serve(client: TcpStream, settings: Arc<Mutex<Settings>>, news: broadcast::Sender<String>) {
    client.set_nodelay(true).expect("no delay");
    let mut client = BufReader::new(client);
    let mut open: Option<String> = None;
    if client.get_mut().write_all(b"* OK ready\r\n").await.is_err() {
        return;
    }
    let mut line = String::new();
    loop {
        line.clear();
        if !matches!(client.read_line(&mut line).await, Ok(1..)) {
            return;
        }
        let (tag, command) = line.trim_end().split_once(' ').unwrap_or((line.trim_end(), ""));
        if command == "IDLE" {
            settings.lock().unwrap_or_else(PoisonError::into_inner).heard.push(command.to_owned());
            if idle(&mut client, tag, news.subscribe()).await.is_err() {
                return;
            }
            continue;
        }
        let after = answer(&mut settings.lock().unwrap_or_else(PoisonError::into_inner), &mut open, tag, command);
        let (text, leaves) = match after {
            After::Stay(text) => (text, false),
            After::Leave(text) => (text, true),
        };
        if client.get_mut().write_all(text.as_bytes()).await.is_err() || leaves {
            return;
        }
    }
}

fn answer(settings: &mut Settings, open: &mut Option<String>, tag: &str, command: &str) -> After {
    settings.heard.push(command.to_owned());
    if let Some(left) = settings.bye_after.as_mut() {
        *left = left.saturating_sub(1);
        if *left == 0 {
            settings.bye_after = None;
            return After::Leave("* BYE going down for maintenance\r\n".to_owned());
        }
    }
    let chatter = if open.is_some() { settings.chatter.clone() } else { String::new() };
    let done = |said: String| After::Stay(format!("{chatter}{said}{tag} OK done\r\n"));
    let word = command.split(' ').next().unwrap_or_default();
    match word {
        "CAPABILITY" => done(format!("* CAPABILITY IMAP4rev1 {}\r\n", settings.capabilities)),
        "LOGIN" | "ID" | "NOOP" | "ENABLE" => done(String::new()),
        "LOGOUT" => After::Leave(format!("* BYE\r\n{tag} OK\r\n")),
        "LIST" => done(settings.list.iter().fold(String::new(), |all, one| format!("{all}* LIST {one}\r\n"))),
        "EXAMINE" => {
            let name = command.split('"').nth(1).unwrap_or_default().to_owned();
            let Some(folder) = settings.folders.get(&name) else {
                return After::Stay(format!("{tag} NO no such mailbox\r\n"));
            };
            let mut said = format!("* {} EXISTS\r\n* 0 RECENT\r\n", folder.messages.len());
            let _ = write!(said, "* OK [UIDVALIDITY {}] valid\r\n", folder.uid_validity);
            if let Some(next) = folder.uid_next {
                let _ = write!(said, "* OK [UIDNEXT {next}] next\r\n");
            }
            *open = Some(name);
            done(said)
        }
        "NOTIFY" => match settings.notify {
            Notify::Granted => done(String::new()),
            Notify::Refused => After::Stay(format!("{tag} NO [CANNOT] not here\r\n")),
            Notify::Dropped => After::Leave(String::new()),
        },
        "UID" => uid_command(settings, open.as_deref(), tag, command),
        _ => After::Stay(format!("{tag} BAD unknown command\r\n")),
    }
}

fn uid_command(settings: &Settings, open: Option<&str>, tag: &str, command: &str) -> After {
    let Some(folder) = open.and_then(|name| settings.folders.get(name)) else {
        return After::Stay(format!("{tag} BAD no folder is open\r\n"));
    };
    let mut said = settings.chatter.clone();
    let words: Vec<&str> = command.split(' ').collect();
    match (words.get(1).copied(), words.as_slice()) {
        (Some("SEARCH"), [_, _, criteria @ ..]) => {
            let set = if criteria.first() == Some(&"UID") { criteria[1] } else { "1:*" };
            let uids = folder.messages.iter().map(|one| one.uid).filter(|uid| within(set, *uid));
            let list = uids.fold(String::new(), |all, uid| format!("{all} {uid}"));
            After::Stay(format!("{said}* SEARCH{list}\r\n{tag} OK done\r\n"))
        }
        (Some("FETCH"), [_, _, set, ..]) => {
            for (at, message) in folder.messages.iter().enumerate().filter(|(_, one)| within(set, one.uid)) {
                let header = command.contains("BODY.PEEK[HEADER]");
                let date = command.contains("INTERNALDATE");
                let troubled = |trouble: &Trouble| if *trouble == Trouble::Date { date } else { header };
                match message.trouble.filter(troubled) {
                    Some(Trouble::Garbage) => {
                        return After::Leave(format!("{said}* {} FETCH (UID {} \0\r\n", at + 1, message.uid));
                    }
                    Some(Trouble::Date) => {
                        let said = format!("{said}* {} FETCH (UID {} INTERNALDATE NIL)\r\n", at + 1, message.uid);
                        return After::Leave(said);
                    }
                    Some(Trouble::Refusal) => {
                        return After::Stay(format!("{said}{tag} NO [SERVERBUG] internal error\r\n"));
                    }
                    Some(Trouble::Bye) => return After::Leave(format!("{said}* BYE internal error\r\n")),
                    None => said.push_str(&fetched(at + 1, message, command)),
                }
            }
            After::Stay(format!("{said}{tag} OK done\r\n"))
        }
        _ => After::Stay(format!("{tag} BAD unknown UID command\r\n")),
    }
}

fn fetched(number: usize, message: &Message, command: &str) -> String {
    let mut said = format!("* {number} FETCH (FLAGS ({})", message.flags);
    if let Some(date) = message.date.as_ref().filter(|_| command.contains("INTERNALDATE")) {
        let _ = write!(said, " INTERNALDATE \"{date}\"");
    }
    if command.contains("RFC822.SIZE") {
        let _ = write!(said, " RFC822.SIZE {}", message.header.len());
    }
    if command.contains("EMAILID") {
        let _ = write!(said, " EMAILID ({})", message.email_id);
    }
    if command.contains("BODY.PEEK[HEADER]") {
        let header = String::from_utf8_lossy(&message.header);
        let _ = write!(said, " BODY[HEADER]<0> {{{}}}\r\n{header}", header.len());
    }
    said + &format!(" UID {})\r\n", message.uid)
}

/// Whether a UID is in a sequence-set.
fn within(set: &str, uid: u32) -> bool {
    set.split(',').any(|range| {
        let (first, last) = range.split_once(':').unwrap_or((range, range));
        let number = |text: &str| if text == "*" { u32::MAX } else { text.parse().unwrap_or_default() };
        (number(first)..=number(last)).contains(&uid)
    })
}

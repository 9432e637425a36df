//! What agents do in their mail client: move, mark, delete, forward; and what they say by a command.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use vigie::app::ingest::{Arrived, Source, ingest};
use vigie::app::sighting::{Shown, observe};
use vigie::domain::classify::FolderRole;
use vigie::domain::gesture::{Gesture, Way};
use vigie::domain::sighting::FlagSet;
use vigie::store::FolderCursor;

use super::{Prefecture, after, headers, instant, person};

/// A message as it lies in a mailbox.
#[derive(Debug, Clone)]
pub struct Mail {
    mailbox: String,
    folder: String,
    role: FolderRole,
    uid: u32,
    header: String,
    received: DateTime<Utc>,
    flags: Vec<String>,
}

/// The messages by Message-ID.
pub type Mails = HashMap<String, Mail>;

/// The Sent folder of every mailbox.
const SENT: &str = "Éléments envoyés";

impl Prefecture {
    async fn cursor(&self, mailbox: &str, folder: &str, role: FolderRole) -> FolderCursor {
        let mut turn = self.store.begin().await.expect("begins");
        let cursor = turn.folder(mailbox, folder, role.name()).await.expect("a folder");
        turn.commit().await.expect("commits");
        FolderCursor { uid_validity: 1, ..cursor }
    }

    /// Puts a message where mail arrives or where sent mail is kept, and lets vigie see it.
    pub async fn put(&mut self, mailbox: &str, role: FolderRole, header: &str, received: DateTime<Utc>) {
        let folder = if role == FolderRole::Sent { SENT } else { "INBOX" };
        self.place(mailbox, folder, role, header, received, &[]).await;
    }

    /// A message arrives in the inbox, or is seen first in another folder.
    pub async fn arrives(&mut self, mailbox: &str, folder: Option<&str>, header: &str, received: DateTime<Utc>) {
        match folder {
            Some(folder) => self.place(mailbox, folder, FolderRole::Other, header, received, &[]).await,
            None => self.put(mailbox, FolderRole::Inbox, header, received).await,
        }
    }

    async fn place(
        &mut self,
        mailbox: &str,
        folder: &str,
        role: FolderRole,
        header: &str,
        received: DateTime<Utc>,
        flags: &[String],
    ) {
        let cursor = self.cursor(mailbox, folder, role).await;
        self.uid += 1;
        let bytes = header.replace('\n', "\r\n").into_bytes();
        let set = FlagSet::new(flags.iter().map(String::as_str));
        let arrived = Arrived::read(self.uid, received, 1_000, bytes).with_flags(set);
        let desk = self.settings.office.desk(mailbox).expect("a desk");
        let source = Source { office: &self.settings.office, desk, cursor, role, lease: None };
        ingest(&self.store, &source, &[arrived], self.now).await.expect("recorded");
        let id = header.lines().find_map(|line| line.strip_prefix("Message-ID: "));
        if let Some(id) = id {
            let (mailbox, folder, header) = (mailbox.to_owned(), folder.to_owned(), header.to_owned());
            let mail = Mail { mailbox, folder, role, uid: self.uid, header, received, flags: flags.to_vec() };
            self.mails.insert(id.to_owned(), mail);
        }
    }

    fn mail(&self, id: &str) -> Mail {
        self.mails.get(id).unwrap_or_else(|| panic!("no message {id}")).clone()
    }

    async fn show(&mut self, mail: &Mail, shown: Shown) {
        let cursor = self.cursor(&mail.mailbox, &mail.folder, mail.role).await;
        let desk = self.settings.office.desk(&mail.mailbox).expect("a desk");
        let source = Source { office: &self.settings.office, desk, cursor, role: mail.role, lease: None };
        observe(&self.store, &source, &shown, self.now).await.expect("observed");
    }

    async fn takes_away(&mut self, mail: &Mail) {
        self.show(mail, Shown { gone: vec![mail.uid], flags: Vec::new() }).await;
    }

    /// A message is moved: the folder that it leaves is read first, or the one that it comes to.
    async fn moves(&mut self, id: &str, folder: &str, seen_late: bool) {
        let mail = self.mail(id);
        let role = match folder {
            "INBOX" => FolderRole::Inbox,
            SENT => FolderRole::Sent,
            _ => FolderRole::Other,
        };
        if !seen_late {
            self.takes_away(&mail).await;
        }
        self.place(&mail.mailbox, folder, role, &mail.header, mail.received, &mail.flags).await;
        if id == "<copy>" {
            let header_id = mail.header.lines().find_map(|line| line.strip_prefix("Message-ID: "));
            let moved = self.mail(header_id.expect("a Message-ID"));
            self.mails.insert(id.to_owned(), moved);
        }
        if seen_late {
            self.takes_away(&mail).await;
        }
    }

    /// The copy of our first mail about a request, in the Sent folder of its mailbox; scenarios call it `<copy>`.
    async fn copies(&mut self, reference: &str) {
        let line = self.store.request_line(reference).await.expect("reads").expect("a request");
        let mails = self.store.mails_about(line.request.id).await.expect("reads");
        let mail = mails.first().expect("a mail about it");
        let mailbox = line.request.mailbox.clone();
        let address = self.settings.office.desk(&mailbox).expect("a desk").policy.address.clone();
        let header = format!(
            "From: {address}\nTo: {}\nSubject: {reference}\nMessage-ID: <{}>\nAuto-Submitted: auto-replied\nX-Vigie: acknowledgement\n\n",
            mail.recipients, mail.message_id
        );
        self.put(&mailbox, FolderRole::Sent, &header, self.now).await;
        let copy = self.mail(&format!("<{}>", mail.message_id));
        self.mails.insert("<copy>".to_owned(), copy);
    }

    async fn marks(&mut self, id: &str, flag: &str, on: bool) {
        let mut mail = self.mail(id);
        mail.flags.retain(|known| known != flag);
        if on {
            mail.flags.push(flag.to_owned());
        }
        let flags = FlagSet::new(mail.flags.iter().map(String::as_str));
        self.show(&mail, Shown { gone: Vec::new(), flags: vec![(mail.uid, flags)] }).await;
        self.mails.insert(id.to_owned(), mail);
    }
}

/// The folder that a command names after `to`: the rest of the line.
fn folder(line: &str) -> &str {
    line.split_once(" to ").map(|(_, folder)| folder.trim_end_matches(" seen-late")).expect("to which folder")
}

/// What agents do with messages; `false` where the command is none of theirs.
pub async fn hands(prefecture: &mut Prefecture, words: &[&str], line: &str) -> bool {
    let now = prefecture.now;
    match words[0] {
        "move" => prefecture.moves(words[1], folder(line), words.contains(&"seen-late")).await,
        "copy" => {
            let mail = prefecture.mail(words[1]);
            let to = after(words, "into").expect("into which mailbox");
            prefecture.put(to, FolderRole::Inbox, &mail.header, mail.received).await;
            prefecture.mails.insert(words[1].to_owned(), mail);
        }
        "delete" => {
            let mail = prefecture.mail(words[1]);
            prefecture.takes_away(&mail).await;
        }
        "copy-of-ours" => prefecture.copies(words[1]).await,
        "mark" => prefecture.marks(words[1], words[2], true).await,
        "unmark" => prefecture.marks(words[1], words[2], false).await,
        // An agent forwards a message: to another mailbox, or outside.
        "forward" => {
            let from = format!("{}@prefecture.example.org", words[1].replace('é', "e"));
            let to = after(words, "to").expect("to whom");
            let watched = to.starts_with("pref-");
            let address =
                if watched { format!("{}@prefecture.example.org", to.replace('é', "e")) } else { person(to) };
            let header = headers(line, &from, &address, now).replace("Subject: Demande", "Subject: TR : Demande");
            prefecture.put(words[1], FolderRole::Sent, &header, now).await;
            if watched {
                prefecture.put(to, FolderRole::Inbox, &header, now).await;
            }
        }
        _ => return says(prefecture, words).await,
    }
    true
}

/// What agents say by a command.
async fn says(prefecture: &mut Prefecture, words: &[&str]) -> bool {
    let wanted = match words[0] {
        "answer" => Gesture::Answer(Way::from_name(after(words, "by").expect("by which way")).expect("a way")),
        "holding" => Gesture::Holding,
        "close" => Gesture::Close { motive: "no_reply_needed".to_owned() },
        "suspend" => Gesture::Suspend { motive: "missing_items".to_owned() },
        "resume" => Gesture::Resume,
        "reopen" => Gesture::Reopen { why: "denied" },
        "confirm" => Gesture::Confirm,
        "merge" => Gesture::Merge { into: after(words, "into").expect("into which").to_owned() },
        "transfer" => Gesture::Transfer { to: after(words, "to").expect("to whom").to_owned() },
        _ => return false,
    };
    let at = after(words, "at").map_or(prefecture.now, instant);
    prefecture.says(words[1], wanted, at).await;
    true
}

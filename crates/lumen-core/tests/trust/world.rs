//! A small registry that tests add to.

use lumen_core::{
    Digest,
    note::Note,
    signing::{CosignerKey, PublicKey, SecretKey},
    trust::{
        Action, Cause, Entry, Event, HistoryError, Measure, Moderation, NamePolicy, OwnersHistory,
        OwnersNote, PackageHistory, Publisher, Revoked, RootHistory, RootNote, Statement, Subject,
        may_append,
    },
};

pub const ORIGIN: &str = "test/0a1b2c3d";
pub const TIME: &str = "2026-01-31T10:30:00Z";

pub fn key(name: &str) -> SecretKey {
    SecretKey::from_seed(name, *Digest::of(name.as_bytes()).as_bytes()).unwrap()
}

pub fn public(name: &str) -> PublicKey {
    key(name).public().clone()
}

pub fn signed(text: &str, signers: &[&str]) -> String {
    let mut note = Note::unsigned(text).unwrap();
    for signer in signers {
        let key = key(signer);
        note.add(key.public(), key.sign(text.as_bytes()));
    }
    note.to_text()
}

pub fn root() -> RootNote {
    let log = key("log").public().renamed(ORIGIN).unwrap();
    RootNote::first(ORIGIN, TIME, public("root"), log)
}

/// A root note with a line of every kind.
pub fn full_root() -> RootNote {
    RootNote {
        expires: Some("2027-01-31T10:30:00Z".into()),
        threshold: 2,
        root: vec![public("root"), public("spare")],
        policy: NamePolicy::Approve,
        names_threshold: 1,
        names: vec![public("names")],
        witness_quorum: 1,
        witnesses: vec![CosignerKey::new(public("witness"))],
        validating_quorum: 0,
        validators: Vec::new(),
        max_age: Some(86_400),
        ..root()
    }
}

/// A root note with two validating witnesses.
pub fn validated_root() -> RootNote {
    RootNote {
        witness_quorum: 3,
        validating_quorum: 1,
        validators: vec![
            CosignerKey::new(public("validator")),
            CosignerKey::new(public("second")),
        ],
        ..full_root()
    }
}

/// A root note with moderators, two of three of whom must sign.
pub fn moderated_root() -> RootNote {
    RootNote {
        moderator_threshold: 2,
        moderators: ["mia", "max", "moe"].map(public).into(),
        ..root()
    }
}

/// What moderators say of a package.
pub fn moderation(package: &str, seq: u64, versions: &str, measure: Measure) -> Moderation {
    Moderation {
        origin: ORIGIN.into(),
        package: package.parse().unwrap(),
        seq,
        covers: versions.parse().unwrap(),
        measure,
        time: TIME.into(),
        reason: "malware".into(),
    }
}

pub fn block() -> Measure {
    Measure::Block(Cause::default())
}

pub fn quarantine(until: &str) -> Measure {
    Measure::Quarantine {
        until: until.into(),
        cause: Cause::default(),
    }
}

pub fn owners(name: &str, admins: &[&str], publishers: &[&str]) -> OwnersNote {
    let publisher = |name: &&str| Publisher {
        key: public(name),
        only: None,
        until: None,
    };
    OwnersNote {
        origin: ORIGIN.into(),
        name: Subject::parse(name).unwrap(),
        seq: 1,
        prev: None,
        time: TIME.into(),
        is_override: false,
        threshold: 1,
        admins: admins.iter().map(|name| public(name)).collect(),
        publish_threshold: 1,
        publishers: publishers.iter().map(publisher).collect(),
        revoked: Vec::new(),
    }
}

/// The note after another.
pub fn after(before: &OwnersNote, bytes: &str) -> OwnersNote {
    OwnersNote {
        seq: before.seq + 1,
        prev: Some(Digest::of(bytes.as_bytes())),
        ..before.clone()
    }
}

pub fn revoked(name: &str, from: u64) -> Revoked {
    Revoked {
        key: public(name),
        from,
    }
}

pub fn publish(version: &str) -> Action {
    Action::Publish {
        version: version.parse().unwrap(),
        metadata: Digest::of(version.as_bytes()),
        size: 1,
    }
}

pub fn yank(version: &str) -> Action {
    Action::Yank {
        version: version.parse().unwrap(),
        reason: "broken".into(),
    }
}

/// A statement about `package`; `minute` makes it differ from similar ones.
pub fn statement(package: &str, owners: u64, minute: u64, action: Action) -> Statement {
    Statement {
        origin: ORIGIN.into(),
        package: package.parse().unwrap(),
        action,
        owners,
        time: format!("2026-01-31T10:{minute:02}:00Z"),
    }
}

/// The events of `@root` and of one subject or package, numbered in one row.
pub struct World {
    pub roots: Vec<Event>,
    pub scope: Vec<Event>,
    pub package: Vec<Event>,
    pub next: u64,
}

impl World {
    pub fn new(root: &RootNote, signers: &[&str]) -> Self {
        let note = signed(&root.to_text(), signers);
        Self {
            roots: vec![Event { i: 0, note }],
            scope: Vec::new(),
            package: Vec::new(),
            next: 2,
        }
    }

    pub fn add(&mut self, text: &str, signers: &[&str]) -> String {
        let note = signed(text, signers);
        let event = Event {
            i: self.next,
            note: note.clone(),
        };
        self.next += 1;
        match Entry::parse(note.as_bytes()).unwrap().0.subject() {
            Some(Subject::Root) => self.roots.push(event),
            Some(Subject::Scope(_)) => self.scope.push(event),
            _ => self.package.push(event),
        }
        note
    }

    pub fn say(&mut self, statement: &Statement, signer: &str) -> String {
        self.add(&statement.to_text(), &[signer])
    }

    pub fn roots(&self) -> RootHistory {
        RootHistory::verify(&self.roots, None).unwrap()
    }

    pub fn verify(&self, name: &str) -> Result<PackageHistory, HistoryError> {
        let name = name.parse().unwrap();
        PackageHistory::verify(&self.roots(), &name, &self.scope, &self.package)
    }

    /// The error of adding this entry to the package `name`: for a writer, and for readers.
    pub fn refused(&self, name: &str, text: &str, signers: &[&str]) -> HistoryError {
        let note = signed(text, signers);
        let (entry, parsed) = Entry::parse(note.as_bytes()).unwrap();
        let package = self.verify(name).unwrap();
        let (roots, owners) = (self.roots(), Some(&package.owners));
        let parsed = parsed.unwrap();
        let refused = may_append(&roots, owners, Some(&package), &entry, &parsed, self.next);
        let refused = refused.unwrap_err();
        let event = Event { i: self.next, note };
        let (mut scope, mut events) = (self.scope.clone(), self.package.clone());
        match entry.subject() {
            Some(Subject::Scope(_)) => scope.push(event),
            _ => events.push(event),
        }
        match PackageHistory::verify(&roots, &package.name, &scope, &events) {
            Err(error) => assert_eq!(error, refused),
            // A statement of a revoked key is there, but does not count.
            Ok(_) => assert!(
                matches!(refused, HistoryError::RevokedKey { .. })
                    && matches!(entry, Entry::Statement(_))
            ),
        }
        refused
    }

    pub fn owners(&self, subject: &str) -> Result<OwnersHistory, HistoryError> {
        let events = match subject.starts_with('@') {
            true => &self.scope,
            false => &self.package,
        };
        OwnersHistory::verify(&self.roots(), Subject::parse(subject).unwrap(), events)
    }
}

//! Who writes. Every person and place is invented, under `example.org` and `.example`.

use std::collections::HashSet;

use super::dice::Dice;

const FIRST: &[&str] = &[
    "amina",
    "bertrand",
    "camille",
    "denis",
    "elodie",
    "fatou",
    "gilles",
    "helene",
    "ibrahim",
    "jeanne",
    "karim",
    "lucie",
    "mehdi",
    "nadia",
    "olivier",
    "pauline",
    "quentin",
    "rachida",
    "samuel",
    "therese",
    "ursule",
    "viktor",
    "wassila",
    "xavier",
    "yasmine",
    "zoltan",
    "antoine",
    "brigitte",
    "christophe",
    "dominique",
    "etienne",
    "florence",
];
const SYLLABLES: &[&str] = &[
    "bar", "ber", "bou", "char", "cor", "dal", "dor", "fau", "gar", "gui", "jour", "lam", "lor", "mar", "mor", "nau",
    "pel", "per", "roc", "rou", "sal", "ser", "tal", "tou", "val", "ver", "vin", "zel",
];
const ENDINGS: &[&str] = &["in", "ot", "ard", "eau", "ier", "et", "on", "el", "oux", "ac", "as", "ois"];
const COMMUNES: &[&str] = &[
    "bellac",
    "charnoz",
    "dortan",
    "evosges",
    "flaxieu",
    "grilly",
    "hautecourt",
    "innimond",
    "jujurieux",
    "lagnieu",
    "marboz",
    "neuville",
    "oyonnax",
    "pizay",
    "rossillon",
    "sauverny",
    "tenay",
    "viriat",
];
/// Domains of ordinary people.
const DOMAINS: i64 = 60;

/// Somebody who writes.
#[derive(Debug, Clone)]
pub struct Person {
    pub address: String,
    pub name: String,
    /// Of a mairie.
    pub elected: bool,
    /// What becomes of mail to them: the relay refuses it.
    pub refused: bool,
}

/// Those who wrote so far.
#[derive(Debug, Default)]
pub struct People {
    pub all: Vec<Person>,
    known: HashSet<String>,
}

impl People {
    /// Somebody new.
    pub fn citizen(&mut self, dice: &mut Dice) -> usize {
        loop {
            let (first, name) = (*dice.pick(FIRST), surname(dice));
            let address = format!("{first}.{name}@d{}.example", dice.between(1, DOMAINS));
            if let Some(person) = self.add(address, format!("{first} {name}"), false) {
                self.all[person].refused = dice.chance(0.002);
                return person;
            }
        }
    }

    /// Somebody of a mairie, new or not.
    pub fn elected(&mut self, dice: &mut Dice) -> usize {
        let commune = *dice.pick(COMMUNES);
        let who = *dice.pick(&["accueil", "secretariat", "urbanisme", "maire", "etat-civil", "ccas"]);
        let address = format!("{who}@mairie-{commune}.example.org");
        match self.all.iter().position(|person| person.address == address) {
            Some(person) => person,
            None => self.add(address, format!("Mairie de {commune}"), true).unwrap(),
        }
    }

    fn add(&mut self, address: String, name: String, elected: bool) -> Option<usize> {
        self.known.insert(address.clone()).then(|| {
            self.all.push(Person { address, name, elected, refused: false });
            self.all.len() - 1
        })
    }
}

fn surname(dice: &mut Dice) -> String {
    let syllables = dice.between(1, 2);
    let mut name: String = (0..syllables).map(|_| *dice.pick(SYLLABLES)).collect();
    name.push_str(dice.pick::<&str>(ENDINGS));
    name
}

//! Checks that a template says what the law wants said, by wording samples and looking for each mention in the result.
//!
//! A variable that is in the source is not enough (it may stand in a branch that is never taken, or in a comment); a
//! value that is in the text and in the HTML, as a reader sees it, is. Findings are in French: they are read by whoever
//! keeps the templates. Deliberately absent: any opinion on style.

use std::fmt;

use mail_parser::decoders::html::html_to_text;

use super::form::{claimed_date, claimed_decision, has_bare_table, headings, low_contrast};
use super::notice::Notice;
use super::sample::{Case, notice};
use super::tags::tags;
use super::template::{Kind, Rendered, Template, TemplateError, Templates};
use super::view::{AckView, AlertView, DigestView, ReportView};

/// The articles that findings cite.
mod law {
    pub const DATE: &str = "CRPA R112-11-1, 1°";
    pub const REGISTRATION: &str = "CRPA L112-11 et R112-11-2";
    pub const TRANSFER: &str = "CRPA L114-2 (transmission à l’administration compétente)";
    pub const HOUR: &str = "CRPA L112-12 et L112-13 (la date et l’heure de réception font preuve)";
    pub const SERVICE: &str = "CRPA R112-11-1, 2°";
    pub const DEMANDE: &str = "CRPA R112-11-1, avant-dernier et dernier alinéas";
    pub const ATTESTATION: &str = "CRPA R112-11-1 et L232-3";
    pub const REMEDIES: &str = "CRPA R112-11-1 (délais et voies de recours)";
    pub const DATA: &str = "RGPD, articles 13 et 14";
    pub const REFERENCE: &str = "règle de vigie : la référence relie la réponse à la demande";
    pub const LANGUAGE: &str = "RGAA 4.1, critère 8.3";
    pub const TITLE: &str = "RGAA 4.1, critère 8.5";
    pub const IMAGE: &str = "RGAA 4.1, critère 1.1";
    pub const REMOTE: &str = "règle de vigie : aucun contenu distant (il trahirait l’ouverture du courriel)";
    pub const HIDDEN: &str = "CRPA R112-11-1 et RGAA 4.1, critère 10.8 : une mention cachée n’est pas une mention";
    pub const TEXT: &str = "règle de vigie : le texte simple d’abord";
    pub const WORDING: &str = "règle de vigie : le modèle doit se rédiger dans tous les cas";
    pub const HEADINGS: &str = "RGAA 4.1, critère 9.1";
    pub const TABLES: &str = "RGAA 4.1, critères 5.3 et 5.6";
    pub const CONTRAST: &str = "RGAA 4.1, critère 3.2";
    pub const CLAIM: &str = "CRPA L112-12 et R112-11-1 : une mention fausse ne fait pas courir les délais, et engage";
    pub const VERSION: &str = "règle de vigie : l’empreinte et la version d’un texte figurent au registre";
    pub const AGENTS: &str = "règle de vigie : une alerte dit quoi, pour quand, et comment répondre";
}

/// What is missing or wrong in a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The template.
    pub template: String,
    /// The stable name of the rule: `phone`, `reference_in_subject`…
    pub rule: &'static str,
    /// The article, or the house's rule, that asks for it: `CRPA R112-11-1, 2°`.
    pub cites: &'static str,
    /// What is wrong and where, in French.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} : {} ({})", self.template, self.message, self.cites)
    }
}

/// Checks a template; `demande` says whether its mailbox deals with *demandes*, on which silence decides.
///
/// # Errors
/// [`TemplateError::Missing`] where there is no such template. Anything else is a finding.
pub fn lint(templates: &Templates, name: &str, demande: bool) -> Result<Vec<Finding>, TemplateError> {
    let template = templates.get(name)?;
    let mut linter = Linter { template, findings: Vec::new() };
    let cases: &[Case] = if demande || matches!(template.kind, Kind::Alert | Kind::Digest | Kind::Report) {
        &[Case::Rejection, Case::Acceptance, Case::Bare]
    } else {
        &[Case::Bare]
    };
    for case in cases {
        linter.try_case(*case);
    }
    linter.check_form();
    Ok(linter.findings)
}

/// Words every template in every case: what syntax alone does not show, an unknown filter or a value that is absent.
///
/// # Errors
/// The first template that cannot be worded.
pub fn word_all(templates: &Templates) -> Result<(), TemplateError> {
    for name in templates.names() {
        let template = templates.get(name)?;
        for case in [Case::Rejection, Case::Acceptance, Case::Bare] {
            word(template, &notice(template.kind, case, name))?;
        }
    }
    Ok(())
}

fn word(template: &Template, notice: &Notice) -> Result<Rendered, TemplateError> {
    match notice {
        Notice::RegistrationNotice(fields) | Notice::Acknowledgement(fields) | Notice::TransferNotice(fields) => {
            template.render(&AckView::new(fields, &template.language))
        }
        Notice::Alert(fields) => template.render(&AlertView::new(fields)),
        Notice::Digest(fields) => template.render(&DigestView::new(fields)),
        Notice::Report(fields) => template.render(&ReportView::new(fields)),
    }
}

struct Linter<'a> {
    template: &'a Template,
    findings: Vec<Finding>,
}

/// Something that must be found in each form of a mail, in one of the given wordings.
struct Mention {
    rule: &'static str,
    cites: &'static str,
    what: &'static str,
    any_of: Vec<String>,
}

impl Linter<'_> {
    fn find(&mut self, rule: &'static str, cites: &'static str, message: String) {
        let finding = Finding { template: self.template.name.clone(), rule, cites, message };
        if !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }

    /// Words the sample of a case, and looks for what the case must say.
    fn try_case(&mut self, case: Case) {
        let notice = notice(self.template.kind, case, &self.template.name);
        let (rendered, mentions) = match &notice {
            Notice::RegistrationNotice(fields) | Notice::Acknowledgement(fields) | Notice::TransferNotice(fields) => {
                let view = AckView::new(fields, &self.template.language);
                (self.template.render(&view), public_mentions(&values(&view), case, self.template))
            }
            Notice::Alert(fields) => {
                let view = AlertView::new(fields);
                (self.template.render(&view), agent_mentions(&values(&view)))
            }
            Notice::Digest(fields) => {
                let view = DigestView::new(fields);
                (self.template.render(&view), agent_mentions(&values(&view)))
            }
            Notice::Report(fields) => {
                let view = ReportView::new(fields);
                (self.template.render(&view), report_mentions(&values(&view)))
            }
        };
        let rendered = match rendered {
            Ok(rendered) => rendered,
            Err(error) => return self.find("wording", law::WORDING, error.to_string()),
        };
        for mention in &mentions {
            self.look_for(mention, &rendered);
        }
        self.look_in_subject(&notice, &rendered);
        self.look_for_claims(&notice, case, &rendered);
    }

    /// Dates and decisions that the wording claims and nobody computed.
    fn look_for_claims(&mut self, notice: &Notice, case: Case, rendered: &Rendered) {
        let (Notice::Acknowledgement(fields) | Notice::RegistrationNotice(fields)) = notice else { return };
        let known = dates(&values(&AckView::new(fields, &self.template.language)));
        let html = rendered.html.as_deref().map(html_to_text);
        let subject = Some(&rendered.subject);
        for (form, content) in [("l’objet", subject), ("le texte", Some(&rendered.text)), ("le HTML", html.as_ref())]
        {
            let Some(content) = content.map(|content| plain(content)) else { continue };
            if let Some(date) = claimed_date(&content, &known) {
                let message = format!("{form} annonce une date qu’aucun calcul ne donne : {date}");
                self.find("claimed_date", law::CLAIM, message);
            }
            if let Some(claim) = claimed_decision(&content).filter(|_| case == Case::Bare) {
                let message = format!("{form} annonce « {claim} » sans demande");
                self.find("claimed_decision", law::CLAIM, message);
            }
        }
    }

    fn look_for(&mut self, mention: &Mention, rendered: &Rendered) {
        let html = rendered.html.as_deref().map(html_to_text);
        for (form, content) in [("le texte", Some(&rendered.text)), ("le HTML", html.as_ref())] {
            let Some(content) = content.map(|content| plain(content)) else { continue };
            if !mention.any_of.iter().any(|wording| content.contains(&plain(wording))) {
                self.find(mention.rule, mention.cites, format!("{} manque dans {form}", mention.what));
            }
        }
    }

    fn look_in_subject(&mut self, notice: &Notice, rendered: &Rendered) {
        let (Notice::Acknowledgement(fields) | Notice::RegistrationNotice(fields) | Notice::TransferNotice(fields)) =
            notice
        else {
            return;
        };
        if !rendered.subject.contains(&format!("[{}]", fields.reference)) {
            let message = "la référence entre crochets manque dans l’objet".to_owned();
            self.find("reference_in_subject", law::REFERENCE, message);
        }
    }

    /// What does not depend on the case: forms, language, images, remote content.
    fn check_form(&mut self) {
        if self.template.text.source().trim().is_empty() {
            self.find("text", law::TEXT, "le texte simple est vide".to_owned());
        }
        let public = matches!(self.template.kind, Kind::Registration | Kind::Acknowledgement);
        if public && self.template.version.is_empty() {
            self.find("version", law::VERSION, "la ligne Version manque en tête du modèle".to_owned());
        }
        let Some(html) = &self.template.html else { return };
        let tags = tags(html.source());
        let file = html.file();
        let language = tags.iter().find(|tag| tag.name == "html").and_then(|tag| tag.attribute("lang"));
        if language.as_deref() != Some(self.template.language.as_str()) {
            let wanted = &self.template.language;
            self.find("language", law::LANGUAGE, format!("{file} ne s’ouvre pas par <html lang=\"{wanted}\">"));
        }
        if !tags.iter().any(|tag| tag.name == "title") {
            self.find("title", law::TITLE, format!("{file} n’a pas d’élément title"));
        }
        if let Some(why) = headings(&tags) {
            self.find("headings", law::HEADINGS, format!("{file} : {why}"));
        }
        if has_bare_table(&tags) {
            let why = "un tableau n’a ni role=\"presentation\" ni cellule d’en-tête th";
            self.find("table", law::TABLES, format!("{file} : {why}"));
        }
        if let Some(why) = low_contrast(&tags) {
            self.find("contrast", law::CONTRAST, format!("{file} : {why}"));
        }
        for tag in &tags {
            if matches!(tag.name.as_str(), "img" | "area") && tag.attribute("alt").is_none() {
                self.find("alternative", law::IMAGE, format!("une image de {file} n’a pas d’attribut alt"));
            }
            if let Some(why) = tag.remote() {
                self.find("remote", law::REMOTE, format!("{file} : {why}"));
            }
            if let Some(why) = tag.hides() {
                self.find("hidden", law::HIDDEN, format!("{file} : {why}"));
            }
        }
    }
}

/// The values of a view, by the names that templates use.
fn values(view: &impl serde::Serialize) -> serde_json::Value {
    // A view is plain data: a failure would leave every mention to be found missing, which is the safe side.
    serde_json::to_value(view).unwrap_or_default()
}

fn value(values: &serde_json::Value, pointer: &str) -> String {
    values.pointer(pointer).and_then(serde_json::Value::as_str).unwrap_or("\u{fffd}").to_owned()
}

/// The values of a view that are dates, as a reader compares them; longer ones hold the shorter.
fn dates(values: &serde_json::Value) -> Vec<String> {
    let pointers =
        ["/received/at", "/received/date", "/received/day", "/received/iso", "/limit/due_date", "/demande/date"];
    let mut known: Vec<String> = pointers.iter().map(|pointer| plain(&value(values, pointer))).collect();
    known.extend(
        ["/demande/remedies", "/demande/attestation", "/data_protection", "/service/address", "/original_subject"]
            .map(|pointer| plain(&value(values, pointer))),
    );
    known
}

/// What a mail to the public must say: CRPA R112-11-1; of a registration notice the law wants only the date.
fn public_mentions(values: &serde_json::Value, case: Case, template: &Template) -> Vec<Mention> {
    let of = |pointers: &[&str]| pointers.iter().map(|pointer| value(values, pointer)).collect::<Vec<_>>();
    let mention = |rule, cites, what, pointers: &[&str]| Mention { rule, cites, what, any_of: of(pointers) };
    let registration = template.kind == Kind::Registration;
    let transfer = template.kind == Kind::Transfer;
    let date = if registration { law::REGISTRATION } else { law::DATE };
    let mut mentions = vec![
        mention("received_date", date, "la date de réception", &["/received/date", "/received/day", "/received/iso"]),
        mention("received_time", law::HOUR, "l’heure de réception", &["/received/time", "/received/clock"]),
        mention("zone", law::HOUR, "le fuseau de l’heure de réception", &["/received/zone"]),
        mention("service", law::SERVICE, "la désignation du service", &["/service/name"]),
        mention("address", law::SERVICE, "l’adresse du service", &["/service/address", "/service/email"]),
        mention("phone", law::SERVICE, "le numéro de téléphone du service", &["/service/phone"]),
        mention("reference", law::REFERENCE, "la référence", &["/reference"]),
        mention("data_protection", law::DATA, "la mention sur les données personnelles", &["/data_protection"]),
    ];
    if transfer {
        mentions.push(mention("destination", law::TRANSFER, "l’administration saisie", &["/destination"]));
    }
    if case == Case::Bare || registration || transfer {
        return mentions;
    }
    mentions.push(mention("demande_date", law::DEMANDE, "la date de la décision implicite", &["/demande/date"]));
    mentions.push(mention(
        "demande_decision",
        law::DEMANDE,
        "le sens de la décision implicite",
        &["/demande/decision"],
    ));
    mentions.push(if case == Case::Acceptance {
        mention("attestation", law::ATTESTATION, "la possibilité d’une attestation", &["/demande/attestation"])
    } else {
        mention("remedies", law::REMEDIES, "les délais et voies de recours", &["/demande/remedies"])
    });
    if template.language == "fr" {
        // The wording differs from one template to the next; the word does not.
        let any_of = vec!["complète".to_owned(), "complet".to_owned()];
        mentions.push(Mention {
            rule: "complete",
            cites: law::DEMANDE,
            what: "la réserve d’une demande complète",
            any_of,
        });
    }
    mentions
}

/// What a mail to agents must say of each request and each condition.
fn agent_mentions(values: &serde_json::Value) -> Vec<Mention> {
    let list = |name: &str| values.get(name).and_then(serde_json::Value::as_array).cloned().unwrap_or_default();
    let mut mentions = Vec::new();
    let mut add = |rule, what, text: String| {
        mentions.push(Mention { rule, cites: law::AGENTS, what, any_of: vec![text] });
    };
    for item in list("items") {
        add("reference", "la référence d’une demande", value(&item, "/reference"));
        add("mailbox", "la boîte d’une demande", value(&item, "/mailbox"));
        add("requester", "la qualité du demandeur", value(&item, "/requester"));
        add("age", "l’âge d’une demande", value(&item, "/age"));
        add("due_date", "l’échéance d’une demande", value(&item, "/due_date"));
        add("remaining", "le délai restant d’une demande", value(&item, "/remaining"));
    }
    for condition in list("conditions") {
        add("condition", "un incident", value(&condition, "/title"));
        add("advice", "que faire d’un incident", value(&condition, "/advice"));
    }
    for gesture in list("gestures") {
        add("gesture", "un dossier qui clôt une demande", value(&gesture, "/folder"));
    }
    mentions
}

/// What a report cannot go without: its period, each sentence of its summary, and how to have its figures again.
fn report_mentions(values: &serde_json::Value) -> Vec<Mention> {
    let mention = |rule, what, text| Mention { rule, cites: law::AGENTS, what, any_of: vec![text] };
    let sentences = values.get("sentences").and_then(serde_json::Value::as_array).cloned().unwrap_or_default();
    let sentences = sentences.iter().filter_map(serde_json::Value::as_str);
    let mut mentions: Vec<Mention> =
        sentences.map(|sentence| mention("sentence", "une phrase du résumé", sentence.to_owned())).collect();
    mentions.push(mention("period", "la période", value(values, "/period")));
    mentions.push(mention("command", "la commande qui redonne les chiffres", value(values, "/command")));
    mentions
}

/// Text as a reader compares it: any run of spaces, no-break ones included, is one space.
fn plain(text: &str) -> String {
    text.split(|c: char| c.is_whitespace() || c == '\u{202f}')
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::super::sample::shipped_sources;
    use super::super::template::TemplateSource;
    use super::*;

    fn findings(source: TemplateSource) -> Vec<Finding> {
        let name = source.name.clone();
        let templates = Templates::new(vec![source]).expect("the template can be read");
        lint(&templates, &name, true).expect("the template is there")
    }

    fn rules(source: TemplateSource) -> Vec<&'static str> {
        findings(source).into_iter().map(|finding| finding.rule).collect()
    }

    fn shipped(kinds: &[Kind]) -> Vec<TemplateSource> {
        let sources = shipped_sources();
        let templates = Templates::new(sources.clone()).expect("the shipped templates can be read");
        sources.into_iter().filter(|s| templates.kind(&s.name).is_some_and(|kind| kinds.contains(&kind))).collect()
    }

    const PUBLIC: [Kind; 1] = [Kind::Acknowledgement];

    #[test]
    fn a_template_that_cannot_be_worded_is_told_with_its_line() {
        let shipped = super::super::sample::shipped_sources();
        assert_eq!(word_all(&Templates::new(shipped.clone()).expect("valid")), Ok(()));
        for wrong in ["{{ reference|jamais }}", "{{ service.hours }}"] {
            let mut sources = shipped.clone();
            let source = sources.iter_mut().find(|source| source.name == "pref-pan").expect("shipped");
            source.text.push_str(wrong);
            let line = source.text.lines().count();
            let error = word_all(&Templates::new(sources).expect("its syntax is right")).expect_err(wrong).to_string();
            assert!(error.starts_with(&format!("template pref-pan.txt, line {line}")), "{error}");
        }
    }

    #[test]
    fn every_shipped_template_passes() {
        let sources = shipped_sources();
        assert!(sources.len() >= 7, "all shipped templates are read");
        for source in sources {
            assert!(source.html.is_some(), "{} has both forms", source.name);
            let found: Vec<String> = findings(source).iter().map(ToString::to_string).collect();
            assert!(found.is_empty(), "{found:#?}");
        }
    }

    /// Every way to take a mention out of a template, with the rule that must notice.
    const MUTATIONS: [(&str, &str); 10] = [
        ("service.name", "service"),
        ("service.phone", "phone"),
        ("demande.date", "demande_date"),
        ("demande.decision", "demande_decision"),
        ("demande.remedies", "remedies"),
        ("demande.attestation", "attestation"),
        ("data_protection", "data_protection"),
        ("reference", "reference"),
        ("received.at", "received_date"),
        ("received.at", "received_time"),
    ];

    fn without(text: &str, variable: &str) -> String {
        let taken = text.replace(&format!("{{{{ {variable} }}}}"), "");
        assert_ne!(taken, text, "{variable} stands in the template");
        taken
    }

    #[test]
    fn notices_each_mention_taken_out_of_the_text() {
        for source in shipped(&PUBLIC) {
            for (variable, rule) in MUTATIONS {
                let mutant = TemplateSource { text: without(&source.text, variable), ..source.clone() };
                assert!(rules(mutant).contains(&rule), "{} without {variable}", source.name);
            }
        }
    }

    #[test]
    fn notices_each_mention_taken_out_of_the_html() {
        for source in shipped(&PUBLIC) {
            let html = source.html.clone().expect("html");
            for (variable, rule) in MUTATIONS {
                let mutant = TemplateSource { html: Some(without(&html, variable)), ..source.clone() };
                assert!(rules(mutant).contains(&rule), "{}.html without {variable}", source.name);
            }
        }
    }

    #[test]
    fn a_registration_notice_needs_the_date() {
        for source in shipped(&[Kind::Registration]) {
            let mutant = TemplateSource { text: without(&source.text, "received.at"), ..source };
            let found = findings(mutant).into_iter().find(|finding| finding.rule == "received_date");
            assert_eq!(found.map(|finding| finding.cites), Some("CRPA L112-11 et R112-11-2"));
        }
    }

    #[test]
    fn one_of_postal_and_electronic_address_is_enough() {
        for source in shipped(&PUBLIC) {
            let mut one = TemplateSource { text: without(&source.text, "service.email"), ..source.clone() };
            assert_eq!(rules(one.clone()), Vec::<&str>::new(), "{}", source.name);
            one.text = without(&one.text, "service.address");
            assert!(rules(one).contains(&"address"), "{}", source.name);
        }
    }

    #[test]
    fn a_mention_in_a_branch_never_taken_does_not_count() {
        for source in shipped(&PUBLIC) {
            let text = source.text.replace("{{ service.phone }}", "{% if false %}{{ service.phone }}{% endif %}");
            assert!(rules(TemplateSource { text, ..source }).contains(&"phone"));
        }
    }

    #[test]
    fn notices_what_the_form_lacks() {
        let source = shipped(&PUBLIC).into_iter().next().expect("one");
        let html = source.html.clone().expect("html");
        let mutate = |from: &str, to: &str| {
            assert!(html.contains(from), "{from}");
            rules(TemplateSource { html: Some(html.replacen(from, to, 1)), ..source.clone() })
        };
        assert!(mutate(" lang=\"fr\"", "").contains(&"language"));
        assert!(mutate(" lang=\"fr\"", " lang=\"en\"").contains(&"language"));
        assert!(mutate("<title>", "<p>").contains(&"title"));
        assert!(mutate("</body>", "<img src=\"cid:logo\"></body>").contains(&"alternative"));
        for remote in [
            "<img alt=\"\" src=\"https://example.org/p.gif\">",
            "<img alt='' src='//example.org/p.gif'>",
            "<table background=\"https://example.org/p.gif\"></table>",
            "<p style=\"background: url(https://example.org/p.gif)\"></p>",
            "<style>@import 'https://example.org/x.css';</style>",
            "<link rel=\"stylesheet\" href=\"https://example.org/x.css\">",
            "<script>1</script>",
            "<img alt=\"\" src = \"https://example.org/p.gif\">",
            "<img alt=\"\"/src=\"https://example.org/p.gif\">",
            "<img alt=\"a > b\" src=https://example.org/p.gif>",
            "<img alt='' {% if reference %}src='https://example.org/p.gif'{% endif %}>",
            "<img alt='' s{# #}rc='https://example.org/p.gif'>",
            "<img alt='' srcset='cid:logo, https://example.org/p.gif 2x'>",
            "<svg><image href=\"https://example.org/p.gif\"/></svg>",
            "<svg><image xlink:href=\"https://example.org/p.gif\"/></svg>",
            "<p style=\"background: image-set('https://example.org/p.gif' 1x)\"></p>",
            "<p style=\"background: u\\72l(https://example.org/p.gif)\"></p>",
            "<p style=\"background: u&#114;l(https://example.org/p.gif)\"></p>",
            "<style>p { background: u\\000072 l(https://example.org/p.gif) }</style>",
            "<meta http-equiv = refresh content=\"0; https://example.org/\">",
            "<p onclick=\"x()\">x</p>",
            "<a href=\"javascript:x()\">x</a>",
            "<a href=\" java&#115;cript:x()\">x</a>",
        ] {
            assert!(mutate("</body>", &format!("{remote}</body>")).contains(&"remote"), "{remote}");
        }
        for harmless in [
            "<img alt = '' src = 'cid:logo'>",
            "<a href='tel:+33400000000'>x</a>",
            "<a href='#top'>x</a>",
            "<p title='on a = b'>x</p>",
        ] {
            assert!(!mutate("</body>", &format!("{harmless}</body>")).contains(&"remote"), "{harmless}");
        }
        assert!(mutate("<h2", "<h3").contains(&"headings"));
        assert!(mutate("color: #161616", "color: #9a9a9a").contains(&"contrast"));
        assert!(mutate("</body>", "<table><tr><td>x</td></tr></table></body>").contains(&"table"));
        let subject = source.text.replacen("[{{ reference }}]", "", 1);
        assert!(rules(TemplateSource { text: subject, ..source.clone() }).contains(&"reference_in_subject"));
    }

    #[test]
    fn notices_what_is_hidden() {
        let source = shipped(&PUBLIC).into_iter().next().expect("one");
        let html = source.html.clone().expect("html");
        let mutate = |from: &str, to: &str| {
            assert!(html.contains(from), "{from}");
            rules(TemplateSource { html: Some(html.replacen(from, to, 1)), ..source.clone() })
        };
        for hiding in [
            "<p style=\"display: none\">x</p>",
            "<p style=\"DISPLAY : n\\6fne !important\">x</p>",
            "<p style=\"visibility:hidden\">x</p>",
            "<p style=\"font-size:0\">x</p>",
            "<p style=\"font-size: 0px\">x</p>",
            "<p style=\"opacity: 0\">x</p>",
            "<p style=\"max-height:0;overflow:hidden\">x</p>",
            "<p style=\"text-indent: -9999px\">x</p>",
            "<p style=\"position: absolute; left: -9999px\">x</p>",
            "<p style=\"color: transparent\">x</p>",
            "<p style=\"mso-hide: all\">x</p>",
            "<style>p { display: none }</style>",
            "<p hidden>x</p>",
            "<p aria-hidden = 'true'>x</p>",
            "<template>x</template>",
            "<details><p>x</p></details>",
        ] {
            assert!(mutate("</body>", &format!("{hiding}</body>")).contains(&"hidden"), "{hiding}");
        }
        for shown in ["<p style=\"font-size: 0.9em; opacity: 1; max-height: 20em\">x</p>", "<p aria-hidden=false>x</p>"]
        {
            assert!(!mutate("</body>", &format!("{shown}</body>")).contains(&"hidden"), "{shown}");
        }
        assert!(mutate("{{ service.phone }}", "<!-- {{ service.phone }} -->").contains(&"phone"), "in a comment");
    }

    #[test]
    fn notices_what_is_claimed_and_was_not_computed() {
        for source in shipped(&[Kind::Acknowledgement, Kind::Registration]) {
            for (claim, rule) in [
                ("Réponse avant le 18 juin 2027.", "claimed_date"),
                ("Answer by 18 June 2027.", "claimed_date"),
                ("Le silence vaut rejet.", "claimed_decision"),
            ] {
                let text = format!("{}\n{claim}\n", source.text);
                let found = rules(TemplateSource { text, ..source.clone() });
                assert!(found.contains(&rule), "{} with {claim}: {found:?}", source.name);
            }
            let numbered = source.text.lines().find(|line| line.starts_with("Version: ")).expect("a version");
            let unnumbered = source.text.replacen(&format!("{numbered}\n"), "", 1);
            assert!(
                rules(TemplateSource { text: unnumbered, ..source.clone() }).contains(&"version"),
                "{}",
                source.name
            );
        }
    }

    #[test]
    fn notices_a_date_claimed_in_the_subject() {
        for source in shipped(&[Kind::Acknowledgement, Kind::Registration]) {
            for claim in ["réponse avant le 12 juin 2026", "réponse avant le 12/06/26", "reply by 12 June"] {
                let text = source.text.replacen("Subject: ", &format!("Subject: {claim} "), 1);
                let found = rules(TemplateSource { text, ..source.clone() });
                assert!(found.contains(&"claimed_date"), "{} with {claim}: {found:?}", source.name);
            }
        }
    }

    #[test]
    fn notices_a_value_that_may_be_absent_and_is_not_tested() {
        let source = shipped(&PUBLIC).into_iter().next().expect("one");
        let text = format!("{}{{{{ service.hours }}}}", source.text);
        assert!(rules(TemplateSource { text, ..source }).contains(&"wording"));
    }

    #[test]
    fn a_mailbox_without_demandes_needs_no_remedies() {
        let source = shipped(&PUBLIC).into_iter().next().expect("one");
        let source = TemplateSource { text: without(&source.text, "demande.remedies"), ..source };
        let name = source.name.clone();
        let templates = Templates::new(vec![source]).expect("readable");
        assert_eq!(lint(&templates, &name, false), Ok(Vec::new()));
    }

    #[test]
    fn notices_what_a_mail_to_agents_lacks() {
        for source in shipped(&[Kind::Alert, Kind::Digest]) {
            for (variable, rule) in
                [("item.reference", "reference"), ("item.remaining", "remaining"), ("item.due_date", "due_date")]
            {
                let mutant = TemplateSource { text: without(&source.text, variable), ..source.clone() };
                assert!(rules(mutant).contains(&rule), "{} without {variable}", source.name);
            }
        }
    }
}

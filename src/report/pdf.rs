//! PDF: tagged (PDF/UA-1), archivable (PDF/A-2a), in French, with the fonts that the program carries.

use std::num::NonZeroU16;

use chrono::{DateTime, Datelike as _, Timelike as _, Utc};
use krilla::color::rgb;
use krilla::configure::{Accessibility, Archival, ConfigurationBuilder};
use krilla::destination::XyzDestination;
use krilla::geom::{PathBuilder, Point};
use krilla::metadata::{DateTime as PdfDateTime, Metadata};
use krilla::outline::{Outline, OutlineNode};
use krilla::page::PageSettings;
use krilla::paint::{Fill, Stroke};
use krilla::surface::Surface;
use krilla::tagging::{
    Artifact, ArtifactType, ContentTag, Identifier, Node, SpanTag, TableHeaderScope, Tag, TagGroup, TagKind, TagTree,
};
use krilla::text::{Font, TextDirection};
use krilla::{Document, SerializeSettings};

use super::figures::provenance;
use super::page::{Block, Column, Face, Fonts, Item, Kind, Laid, Op, Rgb, Tree, lay_out};
use super::sheet::Sheet;
use crate::domain::indicator::Stamp;

/// The most characters of a cell that still make a narrow column.
const NARROW: usize = 8;
/// The widest column of a sheet, in characters.
const WIDE: usize = 34;

/// Why a document cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum PdfError {
    /// The fonts that the program carries cannot be read.
    #[error("the fonts cannot be read")]
    Fonts,
    /// The page has no size, or the standards do not go together.
    #[error("the document cannot be set up")]
    SetUp,
    /// The library refuses the document: it would not be accessible or archivable.
    #[error("the document does not hold to PDF/UA-1 and PDF/A-2a: {0}")]
    Refused(String),
}

/// What a document says of itself.
#[derive(Debug, Clone)]
pub struct About {
    /// Its title.
    pub title: String,
    /// Who made it: the prefecture.
    pub author: String,
    /// As of when: that of the ledger's head.
    pub as_of: DateTime<Utc>,
    /// What stands at the foot of every page.
    pub foot: String,
}

/// A document of these blocks.
pub fn write(about: &About, blocks: &[Block], landscape: bool) -> Result<Vec<u8>, PdfError> {
    let fonts = Fonts::carried().ok_or(PdfError::Fonts)?;
    let laid = lay_out(&fonts, blocks, landscape, &about.foot);
    let configuration = ConfigurationBuilder::new()
        .with_accessibility_validator(Accessibility::UA1)
        .with_archival_validator(Archival::A2_A)
        .finish()
        .map_err(|_| PdfError::SetUp)?;
    let settings = SerializeSettings { configuration, enable_tagging: true, ..SerializeSettings::default() };
    let mut document = Document::new_with(settings);
    let faces = Faces {
        regular: Font::new(notosans::REGULAR_TTF.into(), 0).ok_or(PdfError::Fonts)?,
        bold: Font::new(notosans::BOLD_TTF.into(), 0).ok_or(PdfError::Fonts)?,
    };
    let mut leaves: Vec<Option<Identifier>> = Vec::new();
    for items in &laid.pages {
        let size = PageSettings::from_wh(laid.size.0, laid.size.1).ok_or(PdfError::SetUp)?;
        let mut page = document.start_page_with(size);
        let mut surface = page.surface();
        for item in items {
            draw(&mut surface, item, &faces, &mut leaves);
        }
        surface.finish();
        page.finish();
    }
    document.set_tag_tree(tree(&laid.tree, &leaves));
    document.set_outline(outline(&laid));
    document.set_metadata(metadata(about));
    document.finish().map_err(|error| PdfError::Refused(format!("{error:?}")))
}

struct Faces {
    regular: Font,
    bold: Font,
}

fn draw(surface: &mut Surface<'_>, item: &Item, faces: &Faces, leaves: &mut Vec<Option<Identifier>>) {
    let tag = match (item.leaf, item.foot, item.ops.as_slice()) {
        (None, true, _) => ContentTag::Artifact(Artifact::with_kind(ArtifactType::Footer)),
        (None, false, _) => ContentTag::Artifact(Artifact::with_kind(ArtifactType::Layout)),
        (Some(_), _, [Op::Text { .. }]) => ContentTag::Span(SpanTag::empty()),
        (Some(_), ..) => ContentTag::Other,
    };
    let identifier = surface.start_tagged(tag);
    for op in &item.ops {
        operate(surface, op, faces);
    }
    surface.end_tagged();
    if let Some(leaf) = item.leaf {
        if leaves.len() <= leaf {
            leaves.resize(leaf + 1, None);
        }
        if let Some(place) = leaves.get_mut(leaf) {
            *place = Some(identifier);
        }
    }
}

fn operate(surface: &mut Surface<'_>, op: &Op, faces: &Faces) {
    let paint = |Rgb(red, green, blue): Rgb| rgb::Color::new(red, green, blue).into();
    match op {
        Op::Text { at, size, face, colour, text } => {
            let font = match face {
                Face::Regular => faces.regular.clone(),
                Face::Bold => faces.bold.clone(),
            };
            surface.set_stroke(None);
            surface.set_fill(Some(Fill { paint: paint(*colour), ..Fill::default() }));
            surface.draw_text(Point::from_xy(at.0, at.1), font, *size, text, false, TextDirection::LeftToRight);
        }
        Op::Fill(points, colour) => {
            surface.set_stroke(None);
            surface.set_fill(Some(Fill { paint: paint(*colour), ..Fill::default() }));
            path(surface, points, true);
        }
        Op::Stroke(points, width, colour) => {
            surface.set_fill(None);
            surface.set_stroke(Some(Stroke { paint: paint(*colour), width: *width, ..Stroke::default() }));
            path(surface, points, false);
        }
    }
}

fn path(surface: &mut Surface<'_>, points: &[(f32, f32)], close: bool) {
    let Some(((x, y), rest)) = points.split_first() else { return };
    if rest.is_empty() {
        return;
    }
    let mut builder = PathBuilder::new();
    builder.move_to(*x, *y);
    for (x, y) in rest {
        builder.line_to(*x, *y);
    }
    if close {
        builder.close();
    }
    if let Some(path) = builder.finish() {
        surface.draw_path(&path);
    }
}

fn tree(nodes: &[Tree], leaves: &[Option<Identifier>]) -> TagTree {
    let mut tree = TagTree::new();
    for node in nodes.iter().filter_map(|node| convert(node, leaves)) {
        tree.push(node);
    }
    tree.with_lang(Some("fr-FR".to_owned()))
}

fn convert(node: &Tree, leaves: &[Option<Identifier>]) -> Option<Node> {
    match node {
        Tree::Leaf(leaf) => leaves.get(*leaf).copied().flatten().map(Node::Leaf),
        Tree::Group(kind, inner) => {
            let mut group = TagGroup::new(tag(kind));
            for node in inner.iter().filter_map(|node| convert(node, leaves)) {
                group.push(node);
            }
            Some(Node::Group(group))
        }
    }
}

fn tag(kind: &Kind) -> TagKind {
    match kind {
        Kind::Heading(level, title) => {
            Tag::Hn(NonZeroU16::new(*level).unwrap_or(NonZeroU16::MIN), Some(title.clone())).into()
        }
        Kind::Paragraph => Tag::P.into(),
        Kind::Table => Tag::Table.into(),
        Kind::TableHead => Tag::THead.into(),
        Kind::TableBody => Tag::TBody.into(),
        Kind::Row => Tag::TR.into(),
        Kind::HeadCell => Tag::TH(TableHeaderScope::Column).into(),
        Kind::Cell => Tag::TD.into(),
        Kind::Figure(description) => Tag::Figure(Some(description.clone())).into(),
    }
}

fn outline(laid: &Laid) -> Outline {
    let mut outline = Outline::new();
    for (title, page, y) in &laid.parts {
        let place = XyzDestination::new(*page, Point::from_xy(0.0, *y));
        outline.push_child(OutlineNode::new(title.clone(), place));
    }
    outline
}

fn metadata(about: &About) -> Metadata {
    let small = |number: u32| u8::try_from(number).unwrap_or_default();
    let at = about.as_of;
    // The date is that of the ledger's head, so that the same head gives the same bytes.
    let date = PdfDateTime::new(u16::try_from(at.year()).unwrap_or(1970))
        .month(small(at.month()))
        .day(small(at.day()))
        .hour(small(at.hour()))
        .minute(small(at.minute()))
        .second(small(at.second()))
        .utc_offset_hour(0)
        .utc_offset_minute(0);
    Metadata::new()
        .title(about.title.clone())
        .authors(vec![about.author.clone()])
        .creator("vigie".to_owned())
        .language("fr-FR".to_owned())
        .creation_date(date)
}

/// A document of sheets as they are, one after the other: the tracking sheets.
pub fn sheets(sheets: &[Sheet], stamp: &Stamp) -> Result<Vec<u8>, PdfError> {
    let mut blocks = Vec::new();
    for (at, sheet) in sheets.iter().enumerate() {
        if at > 0 {
            blocks.push(Block::NewPage);
        }
        blocks.push(Block::Heading(sheet.title.clone()));
        blocks.push(table(sheet));
        blocks.extend(sheet.notes.iter().map(|note| Block::Small(note.clone())));
    }
    // The first heading of a document is of the first level.
    if let Some(Block::Heading(title)) = blocks.first().cloned()
        && let Some(first) = blocks.first_mut()
    {
        *first = Block::Title(title);
    }
    let title = sheets.first().map_or_else(String::new, |sheet| sheet.title.clone());
    let foot = provenance(stamp).into_iter().next().unwrap_or_default();
    write(&About { title, author: stamp.prefecture.clone(), as_of: stamp.as_of, foot }, &blocks, true)
}

/// A sheet as a table; columns that are empty throughout are left out.
#[must_use]
pub fn table(sheet: &Sheet) -> Block {
    let cell = |row: &[super::sheet::Cell], at: usize| row.get(at).map(super::sheet::Cell::french).unwrap_or_default();
    let filled: Vec<usize> = (0..sheet.heads.len())
        .filter(|at| sheet.rows.is_empty() || sheet.rows.iter().any(|row| !cell(row, *at).is_empty()))
        .collect();
    let columns = filled.iter().filter_map(|at| {
        let head = sheet.heads.get(*at)?.clone();
        let longest = sheet.rows.iter().map(|row| cell(row, *at).chars().count()).max().unwrap_or(0);
        let word = head.split(' ').map(|word| word.chars().count()).max().unwrap_or(0);
        let weight = u16::try_from(longest.max(word + 1).clamp(NARROW, WIDE)).unwrap_or(u16::MAX);
        let right = sheet.rows.iter().filter_map(|row| row.get(*at)).any(super::sheet::Cell::is_number);
        Some(Column { head, weight, right })
    });
    let columns = columns.collect();
    let rows = sheet.rows.iter().map(|row| filled.iter().map(|at| cell(row, *at)).collect()).collect();
    Block::Table { columns, rows }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about() -> About {
        About {
            title: "Essai".into(),
            author: "Préfecture d’Exemple".into(),
            as_of: DateTime::UNIX_EPOCH,
            foot: "Pied".into(),
        }
    }

    fn blocks() -> Vec<Block> {
        let column = |head: &str| Column { head: head.into(), weight: 1, right: false };
        let series = vec![("Courriels, usagers".to_owned(), vec![Some(9_600), None, Some(10_000)])];
        let points = vec!["juillet".to_owned(), "août".to_owned(), "septembre".to_owned()];
        vec![
            Block::Title("Bilan de la qualité".into()),
            Block::Subtitle("3e trimestre 2026".into()),
            Block::Heading("Indicateurs".into()),
            Block::Paragraph("Les taux ≤ 5\u{202f}j «\u{a0}ouvrés\u{a0}» – à l’épreuve 😀.".into()),
            Block::Table {
                columns: vec![column("N°"), column("Valeur")],
                rows: vec![vec!["1".into(), String::new()], vec!["2".into(), "96,00\u{a0}%".into()]],
            },
            Block::Chart(super::super::page::Curves { description: "De 96 à 100".into(), points, series }),
        ]
    }

    #[test]
    fn the_library_takes_it_for_accessible_and_archivable_and_the_same_blocks_give_the_same_bytes() {
        let written = write(&about(), &blocks(), false).expect("written");
        assert!(written.starts_with(b"%PDF-1.7"));
        assert_eq!(written, write(&about(), &blocks(), false).expect("written"));
    }
}

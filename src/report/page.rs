//! Layout: blocks of a document → pages of drawing operations, and the tree that says what they mean.
//!
//! Pure: the same blocks give the same pages. Reading order is the order of the blocks; what only decorates (rules,
//! stripes, page numbers, a head repeated on the next page) is an artifact, which a screen reader passes over.

use skrifa::instance::{LocationRef, Size};
use skrifa::{FontRef, MetadataProvider as _};

use super::columns;
use super::ods::COLOURS;

/// A4, in points.
const SHORT_SIDE: f32 = 595.28;
/// A4, in points.
const LONG_SIDE: f32 = 841.89;
/// White around each page, in points.
const MARGIN: f32 = 51.0;
/// The leading of a line, in sizes of its letters.
const LEADING: f32 = 1.35;
/// White within a cell of a table, in points.
const CELL_PADDING: f32 = 3.0;
/// The height of a chart without its legend, in points.
const CHART_HEIGHT: f32 = 190.0;
/// A step of a chart's scale, in hundredths of a percent.
const CHART_STEP: i64 = 1_000;
/// The most pages of one document.
const MAX_PAGES: usize = 2_000;

/// The blue of the State's documents; contrast 15:1 on white.
pub const INK_BLUE: Rgb = Rgb(0, 0, 145);
/// Text.
pub const INK: Rgb = Rgb(22, 22, 22);
/// Lesser text; contrast 7:1 on white.
const INK_GREY: Rgb = Rgb(88, 88, 88);
/// Rules.
const RULE: Rgb = Rgb(180, 180, 190);
/// The width of such a line, in points.
const RULE_WIDTH: f32 = 0.4;
/// Every other row of a table.
const STRIPE: Rgb = Rgb(245, 246, 250);
/// The head of a table.
const HEAD: Rgb = Rgb(229, 234, 245);

/// A colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rgb(pub u8, pub u8, pub u8);

impl Rgb {
    /// Reads `#0072b2`.
    fn parse(text: &str) -> Self {
        let octet = |at| text.get(at..at + 2).and_then(|digits| u8::from_str_radix(digits, 16).ok()).unwrap_or(0);
        Self(octet(1), octet(3), octet(5))
    }
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its head.
    pub head: String,
    /// Its share of the width, in any unit.
    pub weight: u16,
    /// Whether its cells stand at the right.
    pub right: bool,
}

/// A chart of shares over time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Curves {
    /// What it shows, for who cannot see it.
    pub description: String,
    /// The names of the points.
    pub points: Vec<String>,
    /// Each series: its name, and a value in hundredths of a percent for every point that has one.
    pub series: Vec<(String, Vec<Option<i64>>)>,
}

/// A piece of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// The title of the whole.
    Title(String),
    /// What stands under it.
    Subtitle(String),
    /// The title of a part.
    Heading(String),
    /// Words.
    Paragraph(String),
    /// Words of less weight.
    Small(String),
    /// A table.
    Table {
        /// Its columns.
        columns: Vec<Column>,
        /// Its rows.
        rows: Vec<Vec<String>>,
    },
    /// A chart.
    Chart(Curves),
    /// White, in points.
    Space(u16),
    /// What follows needs so much of a page, in points: else it begins the next one.
    Together(u16),
    /// What follows begins a page.
    NewPage,
}

/// A letter's shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Face {
    /// Upright.
    Regular,
    /// Heavy.
    Bold,
}

/// Something to draw; y grows downward.
#[derive(Debug, Clone, PartialEq)]
pub enum Op {
    /// A line of text, its baseline's beginning at (x, y).
    Text {
        /// Where.
        at: (f32, f32),
        /// How large, in points.
        size: f32,
        /// The letters' shape.
        face: Face,
        /// In which colour.
        colour: Rgb,
        /// What.
        text: String,
    },
    /// A filled polygon.
    Fill(Vec<(f32, f32)>, Rgb),
    /// A line through points, of a width.
    Stroke(Vec<(f32, f32)>, f32, Rgb),
}

/// Drawing operations that belong together: a leaf of the tree, or an artifact.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// The leaf; none for an artifact.
    pub leaf: Option<usize>,
    /// Whether it is the running foot of the page.
    pub foot: bool,
    /// What is drawn.
    pub ops: Vec<Op>,
}

/// What a group of content is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A heading of a level, from 1, with its text.
    Heading(u16, String),
    /// A paragraph.
    Paragraph,
    /// A table.
    Table,
    /// Its head.
    TableHead,
    /// Its body.
    TableBody,
    /// A row.
    Row,
    /// A cell of the head.
    HeadCell,
    /// A cell.
    Cell,
    /// A figure, in words.
    Figure(String),
}

/// What the drawing operations mean, in the order in which they are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tree {
    /// A group.
    Group(Kind, Vec<Tree>),
    /// Content, by its number.
    Leaf(usize),
}

/// A laid-out document.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Laid {
    /// Width and height of every page, in points.
    pub size: (f32, f32),
    /// The pages.
    pub pages: Vec<Vec<Item>>,
    /// What they mean.
    pub tree: Vec<Tree>,
    /// The parts: title, page from 0, and height of it on the page.
    pub parts: Vec<(String, usize, f32)>,
}

/// The fonts, for measuring.
pub struct Fonts<'a> {
    regular: FontRef<'a>,
    bold: FontRef<'a>,
}

impl Fonts<'static> {
    /// The fonts that the program carries; `None` where they cannot be read.
    #[must_use]
    pub fn carried() -> Option<Self> {
        let regular = FontRef::new(notosans::REGULAR_TTF).ok()?;
        Some(Self { regular, bold: FontRef::new(notosans::BOLD_TTF).ok()? })
    }
}

impl Fonts<'_> {
    fn face(&self, face: Face) -> &FontRef<'_> {
        match face {
            Face::Regular => &self.regular,
            Face::Bold => &self.bold,
        }
    }

    /// The width of a text, in points.
    fn width(&self, text: &str, size: f32, face: Face) -> f32 {
        let font = self.face(face);
        let (characters, metrics) = (font.charmap(), font.glyph_metrics(Size::new(size), LocationRef::default()));
        let advance = |c| characters.map(c).and_then(|glyph| metrics.advance_width(glyph)).unwrap_or(size / 2.0);
        text.chars().map(advance).sum()
    }

    /// The text with a question mark for what the font cannot draw (a subject may hold any character).
    fn drawable(&self, text: &str, face: Face) -> String {
        let characters = self.face(face).charmap();
        text.chars().map(|c| if characters.map(c).is_some_and(|glyph| glyph.to_u32() != 0) { c } else { '?' }).collect()
    }

    /// The text in lines no wider than `width`; a word that is wider stands alone, cut where it must be.
    fn wrap(&self, text: &str, size: f32, face: Face, width: f32) -> Vec<String> {
        let mut lines = Vec::new();
        let mut line = String::new();
        for word in text.split(' ') {
            let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
            if self.width(&longer, size, face) <= width {
                line = longer;
                continue;
            }
            if !line.is_empty() {
                lines.push(std::mem::take(&mut line));
            }
            for c in word.chars() {
                line.push(c);
                if self.width(&line, size, face) > width && line.chars().count() > 1 {
                    line.pop();
                    lines.push(std::mem::take(&mut line));
                    line.push(c);
                }
            }
        }
        lines.push(line);
        lines
    }
}

/// A small count as a coordinate.
fn float(count: usize) -> f32 {
    u16::try_from(count).map_or(f32::from(u16::MAX), f32::from)
}

/// Hundredths of a percent as a coordinate between 0 and 1.
fn unit(hundredths: i64, low: i64) -> f32 {
    let part = |value: i64| f32::from(i16::try_from(value.clamp(0, 10_000)).unwrap_or(0));
    part(hundredths - low) / part(10_000 - low).max(1.0)
}

/// The style of a block of words.
#[derive(Clone, Copy)]
struct Style {
    size: f32,
    face: Face,
    colour: Rgb,
    before: f32,
    after: f32,
}

const TITLE: Style = Style { size: 26.0, face: Face::Bold, colour: INK_BLUE, before: 90.0, after: 10.0 };
const SUBTITLE: Style = Style { size: 15.0, face: Face::Regular, colour: INK, before: 2.0, after: 6.0 };
const HEADING: Style = Style { size: 15.0, face: Face::Bold, colour: INK_BLUE, before: 14.0, after: 6.0 };
const PARAGRAPH: Style = Style { size: 10.5, face: Face::Regular, colour: INK, before: 2.0, after: 5.0 };
const SMALL: Style = Style { size: 8.5, face: Face::Regular, colour: INK_GREY, before: 1.0, after: 2.0 };
const TABLE_SIZE: f32 = 8.5;

/// Lays a document out; `foot` is what stands at the foot of every page before its number.
#[must_use]
pub fn lay_out(fonts: &Fonts<'_>, blocks: &[Block], landscape: bool, foot: &str) -> Laid {
    let size = if landscape { (LONG_SIDE, SHORT_SIDE) } else { (SHORT_SIDE, LONG_SIDE) };
    let laid = Laid { size, pages: vec![Vec::new()], ..Laid::default() };
    let mut layout = Layout { fonts, laid, y: MARGIN, leaves: 0 };
    for block in blocks {
        layout.block(block);
    }
    layout.feet(foot);
    layout.laid
}

struct Layout<'a> {
    fonts: &'a Fonts<'a>,
    laid: Laid,
    y: f32,
    leaves: usize,
}

impl Layout<'_> {
    fn width(&self) -> f32 {
        self.laid.size.0 - 2.0 * MARGIN
    }

    fn bottom(&self) -> f32 {
        self.laid.size.1 - MARGIN - 10.0
    }

    fn leaf(&mut self) -> usize {
        self.leaves += 1;
        self.leaves - 1
    }

    fn put(&mut self, leaf: Option<usize>, ops: Vec<Op>) {
        if let Some(page) = self.laid.pages.last_mut() {
            page.push(Item { leaf, foot: false, ops });
        }
    }

    fn new_page(&mut self) {
        if self.laid.pages.len() < MAX_PAGES {
            self.laid.pages.push(Vec::new());
        }
        self.y = MARGIN;
    }

    /// Goes on to the next page where less than this is left of the page.
    fn want(&mut self, height: f32) {
        if self.y + height > self.bottom() && self.y > MARGIN {
            self.new_page();
        }
    }

    fn block(&mut self, block: &Block) {
        match block {
            Block::Title(text) => self.words(text, TITLE, Kind::Heading(1, text.clone())),
            Block::Subtitle(text) => self.words(text, SUBTITLE, Kind::Paragraph),
            Block::Heading(text) => self.words(text, HEADING, Kind::Heading(2, text.clone())),
            Block::Paragraph(text) => self.words(text, PARAGRAPH, Kind::Paragraph),
            Block::Small(text) => self.words(text, SMALL, Kind::Paragraph),
            Block::Table { columns, rows } => self.table(columns, rows),
            Block::Chart(curves) => self.chart(curves),
            Block::Space(points) => self.y += f32::from(*points),
            Block::Together(points) => self.want(f32::from(*points)),
            Block::NewPage => self.new_page(),
        }
    }

    fn words(&mut self, text: &str, style: Style, kind: Kind) {
        let text = self.fonts.drawable(text, style.face);
        let lines = self.fonts.wrap(&text, style.size, style.face, self.width());
        let leading = style.size * LEADING;
        let is_heading = matches!(kind, Kind::Heading(..));
        // A heading stays with what it announces.
        self.want(style.before + leading * if is_heading { 5.0 } else { 1.0 });
        if self.y > MARGIN {
            self.y += style.before;
        }
        if is_heading {
            self.laid.parts.push((text.clone(), self.laid.pages.len() - 1, self.y));
        }
        let mut leaves = Vec::new();
        let last = lines.len().saturating_sub(1);
        for (at, line) in lines.into_iter().enumerate() {
            self.want(leading);
            // The space at the end of a line keeps words apart for who hears the text.
            let text = if at == last { line } else { format!("{line} ") };
            let op = Op::Text {
                at: (MARGIN, self.y + style.size),
                size: style.size,
                face: style.face,
                colour: style.colour,
                text,
            };
            let leaf = self.leaf();
            self.put(Some(leaf), vec![op]);
            leaves.push(Tree::Leaf(leaf));
            self.y += leading;
        }
        self.y += style.after;
        self.laid.tree.push(Tree::Group(kind, leaves));
    }

    /// A table; one that is too wide for the page goes on below, its first columns repeated.
    fn table(&mut self, columns: &[Column], rows: &[Vec<String>]) {
        let longest_word = |text: &str, face| {
            let text = self.fonts.drawable(text, face);
            text.split(' ').map(|word| self.fonts.width(word, TABLE_SIZE, face)).fold(0.0, f32::max)
        };
        let need = |(at, column): (usize, &Column)| {
            let cells = rows.iter().filter_map(|row| row.get(at)).map(|cell| longest_word(cell, Face::Regular));
            cells.fold(longest_word(&column.head, Face::Bold), f32::max) + 2.0 * CELL_PADDING + RULE_WIDTH
        };
        let least: Vec<f32> = columns.iter().enumerate().map(need).collect();
        let keys = columns.iter().take_while(|column| !column.right).count();
        for part in columns::parts(&least, keys, self.width()) {
            let chosen: Vec<Column> = part.iter().filter_map(|at| columns.get(*at).cloned()).collect();
            let needed: Vec<f32> = part.iter().filter_map(|at| least.get(*at).copied()).collect();
            let cells = |row: &Vec<String>| part.iter().filter_map(|at| row.get(*at).cloned()).collect();
            let weights: Vec<f32> = chosen.iter().map(|column| f32::from(column.weight)).collect();
            let widths = columns::widths(&needed, &weights, self.width());
            self.one_table(&chosen, &widths, &rows.iter().map(cells).collect::<Vec<_>>());
        }
    }

    fn one_table(&mut self, columns: &[Column], widths: &[f32], rows: &[Vec<String>]) {
        let heads: Vec<String> = columns.iter().map(|column| column.head.clone()).collect();
        let head = self.cells(&heads, widths, Face::Bold);
        self.want(height(&head) * 3.0);
        let head_row = self.row(&head, columns, widths, Some(HEAD), &Kind::HeadCell);
        let mut body = Vec::new();
        for (at, row) in rows.iter().enumerate() {
            let cells = self.cells(row, widths, Face::Regular);
            if self.y + height(&cells) > self.bottom() {
                self.new_page();
                self.repeat_head(&head, columns, widths);
            }
            let stripe = (at % 2 == 1).then_some(STRIPE);
            body.push(self.row(&cells, columns, widths, stripe, &Kind::Cell));
        }
        self.y += 8.0;
        let mut groups = vec![Tree::Group(Kind::TableHead, vec![head_row])];
        if !body.is_empty() {
            groups.push(Tree::Group(Kind::TableBody, body));
        }
        self.laid.tree.push(Tree::Group(Kind::Table, groups));
    }

    /// The lines of each cell.
    fn cells(&self, row: &[String], widths: &[f32], face: Face) -> Vec<Vec<String>> {
        let lines = |(text, width): (&String, &f32)| {
            let text = self.fonts.drawable(text, face);
            self.fonts.wrap(&text, TABLE_SIZE, face, width - 2.0 * CELL_PADDING)
        };
        row.iter().zip(widths).map(lines).collect()
    }

    /// The head of a table once more, on a new page: who reads by ear has heard it already.
    fn repeat_head(&mut self, head: &[Vec<String>], columns: &[Column], widths: &[f32]) {
        let (leaves, items) = (self.leaves, self.laid.pages.last().map_or(0, Vec::len));
        self.row(head, columns, widths, Some(HEAD), &Kind::HeadCell);
        self.leaves = leaves;
        for item in self.laid.pages.last_mut().into_iter().flatten().skip(items) {
            item.leaf = None;
        }
    }

    fn row(
        &mut self,
        cells: &[Vec<String>],
        columns: &[Column],
        widths: &[f32],
        ground: Option<Rgb>,
        kind: &Kind,
    ) -> Tree {
        let (height, face) = (height(cells), if *kind == Kind::HeadCell { Face::Bold } else { Face::Regular });
        if let Some(colour) = ground {
            let (left, right) = (MARGIN, MARGIN + self.width());
            // Below the rule of the row before, which it would cover.
            let (top, bottom) = (self.y + RULE_WIDTH, self.y + height);
            let corners = vec![(left, top), (right, top), (right, bottom), (left, bottom)];
            self.put(None, vec![Op::Fill(corners, colour)]);
        }
        let (mut x, mut tree) = (MARGIN, Vec::new());
        for ((lines, column), width) in cells.iter().zip(columns).zip(widths) {
            let mut ops = Vec::new();
            for (at, line) in lines.iter().enumerate() {
                let y = self.y + CELL_PADDING + TABLE_SIZE + float(at) * TABLE_SIZE * LEADING;
                let free = width - CELL_PADDING - self.fonts.width(line, TABLE_SIZE, face);
                let left = if column.right { x + free } else { x + CELL_PADDING };
                let text = if at + 1 == lines.len() { line.clone() } else { format!("{line} ") };
                ops.push(Op::Text { at: (left, y), size: TABLE_SIZE, face, colour: INK, text });
            }
            x += width;
            let written = lines.iter().any(|line| !line.is_empty());
            let leaf = written.then(|| self.leaf());
            if written {
                self.put(leaf, ops);
            }
            tree.push(Tree::Group(kind.clone(), leaf.map(Tree::Leaf).into_iter().collect()));
        }
        self.y += height;
        let rule = vec![(MARGIN, self.y), (MARGIN + self.width(), self.y)];
        self.put(None, vec![Op::Stroke(rule, RULE_WIDTH, RULE)]);
        Tree::Group(Kind::Row, tree)
    }

    /// The running foot and the number of each page.
    fn feet(&mut self, foot: &str) {
        let count = self.laid.pages.len();
        let (y, right) = (self.laid.size.1 - MARGIN / 2.0, self.laid.size.0 - MARGIN);
        let foot = self.fonts.drawable(foot, Face::Regular);
        for (at, page) in self.laid.pages.iter_mut().enumerate() {
            let number = format!("{}\u{a0}/\u{a0}{count}", at + 1);
            let x = right - self.fonts.width(&number, SMALL.size, Face::Regular);
            let text = |x: f32, text: String| Op::Text {
                at: (x, y),
                size: SMALL.size,
                face: Face::Regular,
                colour: INK_GREY,
                text,
            };
            page.push(Item { leaf: None, foot: true, ops: vec![text(MARGIN, foot.clone()), text(x, number)] });
        }
    }

    /// Lines over time, each with its own mark and its name: colour alone tells nothing.
    fn chart(&mut self, curves: &Curves) {
        let legend = float(curves.series.len().div_ceil(2)) * SMALL.size * 1.6;
        self.want(CHART_HEIGHT + legend + 30.0);
        let values = curves.series.iter().flat_map(|(_, values)| values).flatten();
        let low = values.min().map_or(0, |low| ((low / CHART_STEP - 1) * CHART_STEP).max(0));
        let frame = Frame {
            left: MARGIN + 42.0,
            top: self.y + 8.0,
            width: self.width() - 52.0,
            height: CHART_HEIGHT - 30.0,
            low,
            points: curves.points.len(),
        };
        let mut ops = self.scale(&frame, curves);
        for ((number, (_, values)), colour) in curves.series.iter().enumerate().zip(COLOURS.iter().cycle()) {
            ops.extend(frame.curve(number, values, Rgb::parse(colour)));
        }
        for ((number, (name, _)), colour) in curves.series.iter().enumerate().zip(COLOURS.iter().cycle()) {
            let x = frame.left + if number % 2 == 0 { 0.0 } else { frame.width / 2.0 };
            let y = self.y + CHART_HEIGHT + float(number / 2) * SMALL.size * 1.6 + SMALL.size;
            ops.push(mark(number, (x, y - 3.0), Rgb::parse(colour)));
            ops.push(self.label((x + 10.0, y), name));
        }
        let leaf = self.leaf();
        self.put(Some(leaf), ops);
        self.laid.tree.push(Tree::Group(Kind::Figure(curves.description.clone()), vec![Tree::Leaf(leaf)]));
        self.y += CHART_HEIGHT + legend + 12.0;
    }

    fn label(&self, at: (f32, f32), text: &str) -> Op {
        let text = self.fonts.drawable(text, Face::Regular);
        Op::Text { at, size: SMALL.size, face: Face::Regular, colour: INK, text }
    }

    /// The scale and the names of the points.
    fn scale(&self, frame: &Frame, curves: &Curves) -> Vec<Op> {
        let mut ops = Vec::new();
        for step in 0..=(10_000 - frame.low) / CHART_STEP {
            let value = frame.low + step * CHART_STEP;
            let y = frame.y(value);
            ops.push(Op::Stroke(vec![(frame.left, y), (frame.left + frame.width, y)], 0.4, RULE));
            let text = format!("{}\u{a0}%", value / 100);
            let x = frame.left - 6.0 - self.fonts.width(&text, SMALL.size, Face::Regular);
            ops.push(self.label((x, y + 3.0), &text));
        }
        for (at, name) in curves.points.iter().enumerate() {
            let x = frame.x(at) - self.fonts.width(name, SMALL.size, Face::Regular) / 2.0;
            ops.push(self.label((x, frame.top + frame.height + 14.0), name));
        }
        ops
    }
}

fn height(cells: &[Vec<String>]) -> f32 {
    let lines = cells.iter().map(Vec::len).max().unwrap_or(1).max(1);
    float(lines) * TABLE_SIZE * LEADING + 2.0 * CELL_PADDING
}

/// Where a chart's points lie.
struct Frame {
    left: f32,
    top: f32,
    width: f32,
    height: f32,
    low: i64,
    points: usize,
}

impl Frame {
    fn x(&self, point: usize) -> f32 {
        self.left + self.width * (float(point) + 0.5) / float(self.points.max(1))
    }

    fn y(&self, hundredths: i64) -> f32 {
        self.top + self.height * (1.0 - unit(hundredths, self.low))
    }

    /// A line that is broken where a point has no value, and a mark on every point.
    fn curve(&self, number: usize, values: &[Option<i64>], colour: Rgb) -> Vec<Op> {
        let (mut ops, mut line) = (Vec::new(), Vec::new());
        for (at, value) in values.iter().enumerate() {
            match value {
                Some(value) => {
                    let point = (self.x(at), self.y(*value));
                    line.push(point);
                    ops.push(mark(number, point, colour));
                }
                None => ops.push(Op::Stroke(std::mem::take(&mut line), 1.4, colour)),
            }
        }
        ops.push(Op::Stroke(line, 1.4, colour));
        ops
    }
}

/// A series' mark: a square, a diamond, a triangle, a triangle upside down, in turn.
fn mark(number: usize, (x, y): (f32, f32), colour: Rgb) -> Op {
    let r = 3.2;
    let corners = match number % 4 {
        0 => vec![(x - r, y - r), (x + r, y - r), (x + r, y + r), (x - r, y + r)],
        1 => vec![(x, y - r * 1.4), (x + r * 1.4, y), (x, y + r * 1.4), (x - r * 1.4, y)],
        2 => vec![(x, y - r * 1.3), (x + r * 1.2, y + r), (x - r * 1.2, y + r)],
        _ => vec![(x, y + r * 1.3), (x + r * 1.2, y - r), (x - r * 1.2, y - r)],
    };
    Op::Fill(corners, colour)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(head: &str) -> Column {
        Column { head: head.into(), weight: 1, right: false }
    }

    fn laid(blocks: &[Block]) -> Laid {
        lay_out(&Fonts::carried().expect("fonts"), blocks, false, "Essai")
    }

    /// The leaves of a tree, in its order.
    fn walk(tree: &[Tree], read: &mut Vec<usize>) {
        for node in tree {
            match node {
                Tree::Group(_, inner) => walk(inner, read),
                Tree::Leaf(leaf) => read.push(*leaf),
            }
        }
    }

    #[test]
    fn every_leaf_is_drawn_once_and_stands_once_in_the_tree_in_reading_order() {
        let rows: Vec<Vec<String>> = (0..200).map(|n| vec![format!("n° {n}"), "mot ".repeat(20)]).collect();
        let blocks = [
            Block::Title("Bilan".into()),
            Block::Paragraph("mot ".repeat(900)),
            Block::Table { columns: vec![column("A"), column("B")], rows },
        ];
        let laid = laid(&blocks);
        assert!(laid.pages.len() > 3);
        let drawn: Vec<usize> = laid.pages.iter().flatten().filter_map(|item| item.leaf).collect();
        assert_eq!(drawn, (0..drawn.len()).collect::<Vec<_>>());
        let mut read = Vec::new();
        walk(&laid.tree, &mut read);
        assert_eq!(read, drawn);
    }

    #[test]
    fn nothing_is_drawn_outside_the_page() {
        let blocks = [
            Block::Paragraph("Anticonstitutionnellement".repeat(40)),
            Block::Chart(Curves {
                description: "d".into(),
                points: (1..=8).map(|n| format!("2026-{n:02}")).collect(),
                series: vec![("Courriels".into(), vec![Some(0), Some(10_000), None, Some(9_999)])],
            }),
        ];
        let laid = laid(&blocks);
        let fonts = Fonts::carried().expect("fonts");
        for op in laid.pages.iter().flatten().flat_map(|item| &item.ops) {
            let points = match op {
                Op::Text { at, size, face, text, .. } => vec![*at, (at.0 + fonts.width(text, *size, *face), at.1)],
                Op::Fill(points, _) | Op::Stroke(points, ..) => points.clone(),
            };
            for (x, y) in points {
                assert!((0.0..=laid.size.0 - MARGIN + 4.0).contains(&x) && (0.0..=laid.size.1).contains(&y), "{op:?}");
            }
        }
    }

    #[test]
    fn a_no_break_space_never_ends_a_line() {
        let fonts = Fonts::carried().expect("fonts");
        for width in 20..200_u8 {
            for line in fonts.wrap("Le taux est de 96,00\u{a0}% en mai", 10.0, Face::Regular, f32::from(width)) {
                assert!(!line.starts_with('%') || width < 50, "{width}: {line}");
            }
        }
    }

    #[test]
    fn what_the_font_cannot_draw_becomes_a_question_mark() {
        let fonts = Fonts::carried().expect("fonts");
        assert_eq!(fonts.drawable("É ≤ « 5\u{202f}» – 😀\u{7}", Face::Regular), "É ≤ « 5\u{202f}» – ??");
    }
}

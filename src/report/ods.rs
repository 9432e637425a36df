//! ODS spreadsheets (ISO/IEC 26300-1): typed cells, French formats, charts. Same sheets, same bytes.
//!
//! A cell of text is always of type `string`, so that nothing a sender wrote is ever taken for a formula.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{Cursor, Write as _};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::sheet::{Cell, Chart, Sheet};

/// The type of the document; the archive's first file, uncompressed (part 2, §3.3).
const MIME_TYPE: &str = "application/vnd.oasis.opendocument.spreadsheet";
/// The type of a chart within it.
const CHART_TYPE: &str = "application/vnd.oasis.opendocument.chart";
/// The narrowest and the widest column, in characters.
const COLUMN_CHARACTERS: std::ops::RangeInclusive<usize> = 8..=60;
/// What the bold letters of a head need besides; heads are wrapped between words only.
const HEAD_MARGIN: usize = 3;
/// The colours of a chart's series: told apart by every eye, and on grey paper by their order (Okabe and Ito).
pub(super) const COLOURS: [&str; 7] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000"];

const NAMESPACES: &str = "xmlns:office=\"urn:oasis:names:tc:opendocument:xmlns:office:1.0\" \
     xmlns:style=\"urn:oasis:names:tc:opendocument:xmlns:style:1.0\" \
     xmlns:text=\"urn:oasis:names:tc:opendocument:xmlns:text:1.0\" \
     xmlns:table=\"urn:oasis:names:tc:opendocument:xmlns:table:1.0\" \
     xmlns:draw=\"urn:oasis:names:tc:opendocument:xmlns:drawing:1.0\" \
     xmlns:fo=\"urn:oasis:names:tc:opendocument:xmlns:xsl-fo-compatible:1.0\" \
     xmlns:xlink=\"http://www.w3.org/1999/xlink\" \
     xmlns:number=\"urn:oasis:names:tc:opendocument:xmlns:datastyle:1.0\" \
     xmlns:svg=\"urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0\" \
     xmlns:chart=\"urn:oasis:names:tc:opendocument:xmlns:chart:1.0\" \
     xmlns:dc=\"http://purl.org/dc/elements/1.1/\" \
     xmlns:meta=\"urn:oasis:names:tc:opendocument:xmlns:meta:1.0\" office:version=\"1.3\"";

/// The formats of cells: French whatever the reader's own language is.
const FORMATS: &str = "<number:number-style style:name=\"n0\" number:language=\"fr\" number:country=\"FR\">\
     <number:number number:decimal-places=\"0\" number:min-integer-digits=\"1\"/></number:number-style>\
     <number:number-style style:name=\"n2\" number:language=\"fr\" number:country=\"FR\">\
     <number:number number:decimal-places=\"2\" number:min-decimal-places=\"2\" number:min-integer-digits=\"1\"/></number:number-style>\
     <number:percentage-style style:name=\"np\" number:language=\"fr\" number:country=\"FR\">\
     <number:number number:decimal-places=\"2\" number:min-decimal-places=\"2\" number:min-integer-digits=\"1\"/>\
     <number:text>\u{a0}%</number:text></number:percentage-style>\
     <number:date-style style:name=\"nd\" number:language=\"fr\" number:country=\"FR\"><number:day number:style=\"long\"/>\
     <number:text>/</number:text><number:month number:style=\"long\"/><number:text>/</number:text>\
     <number:year number:style=\"long\"/></number:date-style>";

/// The looks of cells.
const LOOKS: &str = "<style:style style:name=\"title\" style:family=\"table-cell\" style:parent-style-name=\"Default\">\
     <style:text-properties fo:font-weight=\"bold\" fo:font-size=\"14pt\"/></style:style>\
     <style:style style:name=\"head\" style:family=\"table-cell\" style:parent-style-name=\"Default\">\
     <style:table-cell-properties fo:padding=\"0.8mm\" fo:background-color=\"#e5eaf5\" fo:border-bottom=\"0.75pt solid #000091\" fo:wrap-option=\"wrap\" style:vertical-align=\"bottom\"/>\
     <style:text-properties fo:font-weight=\"bold\"/></style:style>\
     <style:style style:name=\"head-right\" style:family=\"table-cell\" style:parent-style-name=\"Default\">\
     <style:table-cell-properties fo:padding=\"0.8mm\" fo:background-color=\"#e5eaf5\" fo:border-bottom=\"0.75pt solid #000091\" fo:wrap-option=\"wrap\" style:vertical-align=\"bottom\"/>\
     <style:paragraph-properties fo:text-align=\"end\"/><style:text-properties fo:font-weight=\"bold\"/></style:style>\
     <style:style style:name=\"text\" style:family=\"table-cell\" style:parent-style-name=\"Default\">\
     <style:table-cell-properties fo:padding=\"0.8mm\" fo:wrap-option=\"wrap\" style:vertical-align=\"top\"/></style:style>\
     <style:style style:name=\"note\" style:family=\"table-cell\" style:parent-style-name=\"Default\">\
     <style:text-properties fo:font-style=\"italic\" fo:color=\"#3a3a3a\"/></style:style>\
     <style:style style:name=\"count\" style:family=\"table-cell\" style:parent-style-name=\"Default\" style:data-style-name=\"n0\">\
     <style:table-cell-properties fo:padding=\"0.8mm\" style:vertical-align=\"top\"/></style:style>\
     <style:style style:name=\"decimal\" style:family=\"table-cell\" style:parent-style-name=\"Default\" style:data-style-name=\"n2\">\
     <style:table-cell-properties fo:padding=\"0.8mm\" style:vertical-align=\"top\"/></style:style>\
     <style:style style:name=\"percent\" style:family=\"table-cell\" style:parent-style-name=\"Default\" style:data-style-name=\"np\">\
     <style:table-cell-properties fo:padding=\"0.8mm\" style:vertical-align=\"top\"/></style:style>\
     <style:style style:name=\"day\" style:family=\"table-cell\" style:parent-style-name=\"Default\" style:data-style-name=\"nd\">\
     <style:table-cell-properties fo:padding=\"0.8mm\" style:vertical-align=\"top\"/></style:style>\
     <style:style style:name=\"ta\" style:family=\"table\" style:master-page-name=\"Landscape\">\
     <style:table-properties table:display=\"true\"/></style:style>\
     <style:style style:name=\"ro\" style:family=\"table-row\"><style:table-row-properties style:use-optimal-row-height=\"true\"/></style:style>";

/// Why a document cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum OdsError {
    /// The archive cannot be built.
    #[error("the archive cannot be built: {0}")]
    Archive(#[from] zip::result::ZipError),
    /// It cannot be written.
    #[error("the archive cannot be written: {0}")]
    Write(#[from] std::io::Error),
}

/// A document of these sheets.
pub fn write(sheets: &[Sheet]) -> Result<Vec<u8>, OdsError> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    // The default time of an entry is a constant: the same sheets give the same bytes.
    let stored = SimpleFileOptions::DEFAULT.compression_method(CompressionMethod::Stored);
    let packed = SimpleFileOptions::DEFAULT.compression_method(CompressionMethod::Deflated);
    archive.start_file("mimetype", stored)?;
    archive.write_all(MIME_TYPE.as_bytes())?;
    let mut files = vec![
        ("content.xml".to_owned(), content(sheets)),
        ("styles.xml".to_owned(), styles()),
        ("meta.xml".to_owned(), meta(sheets)),
    ];
    let charts = sheets.iter().filter_map(|sheet| sheet.chart.as_ref().map(|chart| (sheet, chart)));
    let mut objects = Vec::new();
    for (number, (sheet, chart)) in (1..).zip(charts) {
        files.push((format!("Object {number}/content.xml"), chart_content(sheet, chart)));
        objects.push(number);
    }
    files.push(("META-INF/manifest.xml".to_owned(), manifest(&objects)));
    for (name, text) in files {
        archive.start_file(name, packed)?;
        archive.write_all(text.as_bytes())?;
    }
    Ok(archive.finish()?.into_inner())
}

/// A text as XML content or attribute; what XML 1.0 does not allow at all is left out.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' | '\r' => out.push(' '),
            c if c < ' ' || c == '\u{fffe}' || c == '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

fn declaration() -> String {
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned()
}

fn content(sheets: &[Sheet]) -> String {
    let widths: Vec<Vec<usize>> = sheets.iter().map(widths).collect();
    let mut out = declaration();
    let _ = write!(out, "<office:document-content {NAMESPACES}><office:automatic-styles>{FORMATS}{LOOKS}");
    for width in widths.iter().flatten().collect::<BTreeSet<_>>() {
        let millimetres = width * 2 + 7;
        let _ = write!(
            out,
            "<style:style style:name=\"co{width}\" style:family=\"table-column\">\
             <style:table-column-properties style:column-width=\"{millimetres}mm\"/></style:style>"
        );
    }
    out.push_str("</office:automatic-styles><office:body><office:spreadsheet>");
    let mut charts = 0;
    for (sheet, widths) in sheets.iter().zip(&widths) {
        charts += usize::from(sheet.chart.is_some());
        table(&mut out, sheet, widths, charts);
    }
    out.push_str("</office:spreadsheet></office:body></office:document-content>");
    out
}

/// How many characters each column is wide.
fn widths(sheet: &Sheet) -> Vec<usize> {
    let longest = |column: usize| {
        let cells = sheet.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.french().chars().count());
        let words = sheet.heads.get(column).into_iter().flat_map(|head| head.split(' '));
        let head = words.map(|word| word.chars().count() + HEAD_MARGIN).max().unwrap_or(0);
        cells.max().unwrap_or(0).max(head).clamp(*COLUMN_CHARACTERS.start(), *COLUMN_CHARACTERS.end())
    };
    (0..sheet.heads.len()).map(longest).collect()
}

fn table(out: &mut String, sheet: &Sheet, widths: &[usize], object: usize) {
    let _ = write!(out, "<table:table table:name=\"{}\" table:style-name=\"ta\">", escape(&sheet.name));
    for width in widths {
        let _ = write!(out, "<table:table-column table:style-name=\"co{width}\"/>");
    }
    line(out, "title", &sheet.title);
    out.push_str("<table:table-row table:style-name=\"ro\"><table:table-cell/></table:table-row>");
    out.push_str("<table:table-header-rows><table:table-row table:style-name=\"ro\">");
    for (column, head) in sheet.heads.iter().enumerate() {
        let numbers = sheet.rows.iter().filter_map(|row| row.get(column)).any(Cell::is_number);
        string(out, if numbers { "head-right" } else { "head" }, head);
    }
    out.push_str("</table:table-row></table:table-header-rows>");
    for row in &sheet.rows {
        out.push_str("<table:table-row table:style-name=\"ro\">");
        for value in row {
            cell(out, value);
        }
        out.push_str("</table:table-row>");
    }
    out.push_str("<table:table-row table:style-name=\"ro\"><table:table-cell/></table:table-row>");
    for note in &sheet.notes {
        line(out, "note", note);
    }
    if let Some(chart) = &sheet.chart {
        frame(out, sheet, chart, object);
    }
    out.push_str("</table:table>");
}

/// A row of one text that runs over the columns.
fn line(out: &mut String, style: &str, text: &str) {
    out.push_str("<table:table-row table:style-name=\"ro\">");
    string(out, style, text);
    out.push_str("</table:table-row>");
}

fn string(out: &mut String, style: &str, text: &str) {
    let _ = write!(
        out,
        "<table:table-cell table:style-name=\"{style}\" office:value-type=\"string\"><text:p>{}</text:p></table:table-cell>",
        escape(text)
    );
}

fn cell(out: &mut String, cell: &Cell) {
    let (style, kind, value) = match cell {
        Cell::Empty => {
            out.push_str("<table:table-cell/>");
            return;
        }
        Cell::Text(text) => {
            string(out, "text", text);
            return;
        }
        Cell::Count(count) => ("count", "float", format!("office:value=\"{count}\"")),
        Cell::Percent(hundredths) => ("percent", "percentage", format!("office:value=\"{}\"", point(*hundredths, 4))),
        Cell::Decimal(hundredths) => ("decimal", "float", format!("office:value=\"{}\"", point(*hundredths, 2))),
        Cell::Day(day) => ("day", "date", format!("office:date-value=\"{day}\"")),
    };
    let _ = write!(
        out,
        "<table:table-cell table:style-name=\"{style}\" office:value-type=\"{kind}\" {value}><text:p>{}</text:p></table:table-cell>",
        escape(&cell.french())
    );
}

/// An integer with so many of its digits after the point: 9600 of 4 is `0.9600`.
fn point(value: i64, digits: usize) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let text = format!("{:0>width$}", value.unsigned_abs(), width = digits + 1);
    let (whole, rest) = text.split_at_checked(text.len() - digits).unwrap_or((&text, ""));
    format!("{sign}{whole}.{rest}")
}

/// The chart below the sheet, with its words for who cannot see it.
fn frame(out: &mut String, sheet: &Sheet, chart: &Chart, object: usize) {
    let _ = write!(
        out,
        "<table:table-row table:style-name=\"ro\"><table:table-cell><draw:frame draw:name=\"{name}\" svg:width=\"240mm\" svg:height=\"110mm\" svg:x=\"5mm\" svg:y=\"4mm\">\
         <draw:object xlink:href=\"./Object {object}\" xlink:type=\"simple\" xlink:show=\"embed\" xlink:actuate=\"onLoad\" \
         draw:notify-on-update-of-ranges=\"{ranges}\"/><svg:title>{name}</svg:title><svg:desc>{description}</svg:desc></draw:frame></table:table-cell></table:table-row>",
        name = escape(&chart.title),
        ranges = chart.columns.iter().map(|column| range(sheet, *column)).collect::<Vec<_>>().join(" "),
        description = escape(&chart.description),
    );
}

/// The cells of a column, in the notation of ODS: `'Tendance'.B4:'Tendance'.B9`. Rows begin below the title, the
/// empty line and the heads.
fn range(sheet: &Sheet, column: usize) -> String {
    let (name, letter) = (escape(&sheet.name.replace('\'', "''")), letter(column));
    format!("'{name}'.{letter}4:'{name}'.{letter}{}", sheet.rows.len() + 3)
}

/// A column's letters.
fn letter(column: usize) -> String {
    let last = char::from(b'A' + u8::try_from(column % 26).unwrap_or_default());
    if column < 26 { last.to_string() } else { format!("{}{last}", letter(column / 26 - 1)) }
}

fn chart_content(sheet: &Sheet, chart: &Chart) -> String {
    let mut out = declaration();
    let _ = write!(
        out,
        "<office:document-content {NAMESPACES}><office:automatic-styles>\
         <number:percentage-style style:name=\"np\" number:language=\"fr\" number:country=\"FR\"><number:number number:decimal-places=\"0\" number:min-integer-digits=\"1\"/><number:text>\u{a0}%</number:text></number:percentage-style>\
         <style:style style:name=\"axis\" style:family=\"chart\" style:data-style-name=\"np\"><style:chart-properties chart:display-label=\"true\" chart:maximum=\"1\" chart:minimum=\"0\" chart:link-data-style-to-source=\"false\"/></style:style>\
         <style:style style:name=\"names\" style:family=\"chart\"><style:chart-properties chart:display-label=\"true\"/></style:style>\
         <style:style style:name=\"wall\" style:family=\"chart\"><style:graphic-properties draw:stroke=\"none\" draw:fill=\"none\"/></style:style>\
         <style:style style:name=\"grid\" style:family=\"chart\"><style:graphic-properties draw:stroke=\"solid\" svg:stroke-color=\"#b3b3b3\"/></style:style>\
         <style:style style:name=\"plot\" style:family=\"chart\"><style:chart-properties chart:treat-empty-cells=\"leave-gap\" chart:auto-position=\"true\" chart:symbol-type=\"automatic\"/></style:style>"
    );
    for (series, colour) in chart.columns.iter().zip(COLOURS.iter().cycle()) {
        let _ = write!(
            out,
            "<style:style style:name=\"s{series}\" style:family=\"chart\"><style:chart-properties chart:symbol-type=\"automatic\"/>\
             <style:graphic-properties draw:stroke=\"solid\" svg:stroke-width=\"0.8mm\" svg:stroke-color=\"{colour}\" draw:fill=\"solid\" draw:fill-color=\"{colour}\"/></style:style>"
        );
    }
    let class = if chart.bars { "chart:bar" } else { "chart:line" };
    let _ = write!(
        out,
        "</office:automatic-styles><office:body><office:chart><chart:chart chart:class=\"{class}\" svg:width=\"240mm\" svg:height=\"110mm\">\
         <chart:title><text:p>{}</text:p></chart:title><chart:legend chart:legend-position=\"bottom\"/>\
         <chart:plot-area chart:style-name=\"plot\" chart:data-source-has-labels=\"both\">\
         <chart:axis chart:dimension=\"x\" chart:name=\"primary-x\" chart:style-name=\"names\"><chart:categories table:cell-range-address=\"{}\"/></chart:axis>\
         <chart:axis chart:dimension=\"y\" chart:name=\"primary-y\" chart:style-name=\"axis\"><chart:grid chart:style-name=\"grid\" chart:class=\"major\"/></chart:axis>",
        escape(&chart.title),
        range(sheet, 0),
    );
    for series in &chart.columns {
        let head = format!("'{}'.{}3", escape(&sheet.name.replace('\'', "''")), letter(*series));
        let _ = write!(
            out,
            "<chart:series chart:style-name=\"s{series}\" chart:values-cell-range-address=\"{}\" chart:label-cell-address=\"{head}\" chart:class=\"{class}\">\
             <chart:data-point chart:repeated=\"{}\"/></chart:series>",
            range(sheet, *series),
            sheet.rows.len(),
        );
    }
    out.push_str("<chart:wall chart:style-name=\"wall\"/></chart:plot-area></chart:chart></office:chart></office:body></office:document-content>");
    out
}

fn styles() -> String {
    let mut out = declaration();
    let _ = write!(
        out,
        "<office:document-styles {NAMESPACES}><office:styles><style:default-style style:family=\"table-cell\">\
         <style:text-properties fo:language=\"fr\" fo:country=\"FR\" fo:font-size=\"10pt\"/></style:default-style>\
         <style:style style:name=\"Default\" style:family=\"table-cell\"/></office:styles><office:automatic-styles>\
         <style:page-layout style:name=\"pm\"><style:page-layout-properties fo:page-width=\"297mm\" fo:page-height=\"210mm\" style:print-orientation=\"landscape\" \
         fo:margin=\"12mm\" style:scale-to-X=\"1\" style:scale-to-Y=\"0\"/></style:page-layout></office:automatic-styles>\
         <office:master-styles><style:master-page style:name=\"Landscape\" style:page-layout-name=\"pm\"/></office:master-styles></office:document-styles>"
    );
    out
}

fn meta(sheets: &[Sheet]) -> String {
    let title = sheets.first().map_or("", |sheet| sheet.title.as_str());
    format!(
        "{}<office:document-meta {NAMESPACES}><office:meta><meta:generator>vigie</meta:generator><dc:title>{}</dc:title>\
         <dc:language>fr-FR</dc:language></office:meta></office:document-meta>",
        declaration(),
        escape(title)
    )
}

fn manifest(objects: &[usize]) -> String {
    let mut out = declaration();
    let _ = write!(
        out,
        "<manifest:manifest xmlns:manifest=\"urn:oasis:names:tc:opendocument:xmlns:manifest:1.0\" manifest:version=\"1.3\">\
         <manifest:file-entry manifest:full-path=\"/\" manifest:version=\"1.3\" manifest:media-type=\"{MIME_TYPE}\"/>"
    );
    for name in ["content.xml", "styles.xml", "meta.xml"] {
        let _ = write!(out, "<manifest:file-entry manifest:full-path=\"{name}\" manifest:media-type=\"text/xml\"/>");
    }
    for number in objects {
        let _ = write!(
            out,
            "<manifest:file-entry manifest:full-path=\"Object {number}/\" manifest:version=\"1.3\" manifest:media-type=\"{CHART_TYPE}\"/>\
             <manifest:file-entry manifest:full-path=\"Object {number}/content.xml\" manifest:media-type=\"text/xml\"/>"
        );
    }
    out.push_str("</manifest:manifest>");
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    fn sheet() -> Sheet {
        let mut sheet = Sheet::new("L'année", "Essai <é>", &["Période", "Taux", "Nombre", "Jour"]);
        for n in 1..=3 {
            sheet.push(vec![
                Cell::text(format!("=1+{n}")),
                Cell::Percent(9_600 + n),
                Cell::Decimal(-150),
                Cell::maybe(chrono::NaiveDate::from_ymd_opt(2026, 5, 7), Cell::Day),
            ]);
        }
        sheet.notes.push("Note\u{1}".into());
        sheet.chart =
            Some(Chart { title: "T".into(), description: "De 96,01 à 96,03.".into(), columns: vec![1], bars: false });
        sheet
    }

    fn files(bytes: &[u8]) -> Vec<(String, String, CompressionMethod)> {
        let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).expect("an archive");
        (0..archive.len())
            .map(|at| {
                let mut file = archive.by_index(at).expect("a file");
                let mut text = String::new();
                file.read_to_string(&mut text).expect("text");
                (file.name().expect("a name").to_string(), text, file.compression())
            })
            .collect()
    }

    #[test]
    fn the_type_comes_first_and_uncompressed_and_every_file_is_in_the_manifest_and_well_formed() {
        let bytes = write(&[sheet()]).expect("written");
        // ISO/IEC 26300-2 §3.3: the type stands at octet 38 of the archive, for tools that read no further.
        assert_eq!(bytes.get(30..38), Some(b"mimetype".as_slice()));
        assert_eq!(bytes.get(38..38 + MIME_TYPE.len()), Some(MIME_TYPE.as_bytes()));
        let files = files(&bytes);
        let manifest = &files.iter().find(|(name, ..)| name == "META-INF/manifest.xml").expect("a manifest").1;
        for (name, text, compression) in &files {
            if name == "mimetype" {
                assert_eq!(*compression, CompressionMethod::Stored);
                continue;
            }
            assert!(name.starts_with("META-INF") || manifest.contains(&format!("\"{name}\"")), "{name}");
            let mut reader = quick_xml::Reader::from_str(text);
            while reader.read_event().unwrap_or_else(|error| panic!("{name}: {error}")) != quick_xml::events::Event::Eof
            {
            }
        }
    }

    #[test]
    fn the_same_sheets_give_the_same_bytes() {
        assert_eq!(write(&[sheet()]).expect("written"), write(&[sheet()]).expect("written"));
    }

    #[test]
    fn cells_have_types_and_a_text_is_never_a_formula() {
        let content = content(&[sheet()]);
        assert!(
            content.contains("office:value-type=\"percentage\" office:value=\"0.9601\"><text:p>96,01\u{a0}%</text:p>")
        );
        assert!(content.contains("office:value-type=\"float\" office:value=\"-1.50\"><text:p>-1,50</text:p>"));
        assert!(
            content.contains("office:value-type=\"date\" office:date-value=\"2026-05-07\"><text:p>07/05/2026</text:p>")
        );
        assert!(content.contains("office:value-type=\"string\"><text:p>=1+1</text:p>"));
        assert!(!content.contains("table:formula"));
    }

    #[test]
    fn columns_are_named_like_in_a_spreadsheet() {
        assert_eq!([0, 25, 26, 27, 51, 52, 701, 702].map(letter), ["A", "Z", "AA", "AB", "AZ", "BA", "ZZ", "AAA"]);
        assert_eq!(range(&sheet(), 1), "'L''année'.B4:'L''année'.B6");
    }
}

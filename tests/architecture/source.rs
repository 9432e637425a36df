//! What a source file mentions, calls and declares, test code told apart.
#![expect(clippy::expect_used, clippy::panic, reason = "a source that cannot be read fails the test at once")]

use std::fs;
use std::path::Path;

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};

/// One file under `src/`, read.
pub struct Source {
    /// Its path from `src/`, such as `domain/calendar.rs`.
    pub path: String,
    /// Its number of lines.
    pub lines: usize,
    /// Lines that belong to `#[cfg(test)]` items.
    pub test_lines: usize,
    /// The text of its `//!` comments.
    pub head: String,
    /// Paths, from `use` (one for each name), from code, and from the inside of macros.
    pub mentions: Vec<Mention>,
    /// Methods called and macros used: `unwrap`, `panic!`.
    pub calls: Vec<Word>,
    /// `async` and `await`.
    pub asyncs: Vec<Word>,
    /// Every function with its length.
    pub functions: Vec<Function>,
    /// `mod name;` declarations.
    pub declared: Vec<Declared>,
}

/// A path.
pub struct Mention {
    /// Its segments, `crate` and `super` included.
    pub segments: Vec<String>,
    /// The module that encloses it, from the crate's root.
    pub within: Vec<String>,
    /// The new name, for `use … as name`.
    pub renamed: Option<String>,
    /// Where.
    pub at: Place,
}

/// A place in a file.
#[derive(Clone, Copy)]
pub struct Place {
    /// The line, from 1.
    pub line: usize,
    /// Whether it is test code.
    pub in_test: bool,
}

/// A word that a rule may forbid.
pub struct Word {
    /// The word; macros end with `!`.
    pub name: String,
    /// Where.
    pub at: Place,
}

/// A function.
pub struct Function {
    /// Its name.
    pub name: String,
    /// Where it starts.
    pub at: Place,
    /// How many lines it has, from `fn` to its closing brace.
    pub lines: usize,
}

/// A `mod name;`.
pub struct Declared {
    /// The module, from the crate's root.
    pub module: Vec<String>,
    /// Whether only tests compile it.
    pub in_test: bool,
}

impl Source {
    /// Reads `text` as the file `path` of `src/`.
    pub fn parse(path: &str, text: &str) -> Self {
        let file = syn::parse_file(text).unwrap_or_else(|error| panic!("src/{path}: {error}"));
        let mut reader = Reader {
            source: Self {
                path: path.to_owned(),
                lines: text.lines().count(),
                test_lines: 0,
                head: head(&file.attrs),
                mentions: Vec::new(),
                calls: Vec::new(),
                asyncs: Vec::new(),
                functions: Vec::new(),
                declared: Vec::new(),
            },
            within: module_of(path),
            in_test: false,
        };
        reader.visit_file(&file);
        reader.source
    }

    /// The first folder or file under `src/`: the room, `lib` or `main`.
    pub fn room(&self) -> &str {
        let first = self.path.split('/').next().unwrap_or_default();
        first.strip_suffix(".rs").unwrap_or(first)
    }
}

/// Every `.rs` file of `src/`, in order; those that only tests compile are marked so throughout.
pub fn read_all(root: &Path) -> Vec<Source> {
    let mut paths = Vec::new();
    walk(root, root, &mut paths);
    paths.sort();
    assert!(paths.len() > 10, "no sources under {}", root.display());
    let read = |path: &String| Source::parse(path, &fs::read_to_string(root.join(path)).expect("a source file"));
    let mut sources: Vec<Source> = paths.iter().map(read).collect();
    mark_test_files(&mut sources);
    sources
}

/// Marks the files that a `#[cfg(test)] mod name;` declares.
fn mark_test_files(sources: &mut [Source]) {
    let all = sources.iter().flat_map(|source| &source.declared);
    let tests: Vec<Vec<String>> = all.filter(|module| module.in_test).map(|module| module.module.clone()).collect();
    for source in sources {
        if tests.iter().any(|test| module_of(&source.path).starts_with(test)) {
            source.test_lines = source.lines;
            let calls = source.calls.iter_mut().chain(&mut source.asyncs).map(|word| &mut word.at);
            let mentions = source.mentions.iter_mut().map(|mention| &mut mention.at);
            for place in calls.chain(mentions).chain(source.functions.iter_mut().map(|function| &mut function.at)) {
                place.in_test = true;
            }
        }
    }
}

fn walk(root: &Path, folder: &Path, paths: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a source folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            walk(root, &path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path.strip_prefix(root).expect("under src").to_string_lossy().into_owned());
        }
    }
}

/// The module that a file holds: `domain/mod.rs` and `domain.rs` are both `domain`.
pub fn module_of(path: &str) -> Vec<String> {
    let mut module: Vec<String> = path.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    if module.last().is_some_and(|last| ["mod", "lib", "main"].contains(&last.as_str())) {
        module.pop();
    }
    module
}

fn head(attributes: &[syn::Attribute]) -> String {
    let lines = attributes.iter().filter_map(|attribute| match &attribute.meta {
        syn::Meta::NameValue(syn::MetaNameValue {
            path,
            value: syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }),
            ..
        }) if path.is_ident("doc") => Some(text.value()),
        _ => None,
    });
    lines.collect::<Vec<_>>().join("\n")
}

struct Reader {
    source: Source,
    within: Vec<String>,
    in_test: bool,
}

impl Reader {
    fn at(&self, span: Span) -> Place {
        Place { line: span.start().line, in_test: self.in_test }
    }

    fn mention(&mut self, segments: Vec<String>, renamed: Option<String>, span: Span) {
        let (within, at) = (self.within.clone(), self.at(span));
        self.source.mentions.push(Mention { segments, within, renamed, at });
    }

    fn call(&mut self, name: String, span: Span) {
        let at = self.at(span);
        self.source.calls.push(Word { name, at });
    }

    fn asynchronous(&mut self, name: &str, span: Span) {
        let at = self.at(span);
        self.source.asyncs.push(Word { name: name.to_owned(), at });
    }

    fn function(&mut self, signature: &syn::Signature, end: Span) {
        let lines = end.end().line + 1 - signature.span().start().line;
        let at = self.at(signature.span());
        self.source.functions.push(Function { name: signature.ident.to_string(), at, lines });
        if let Some(token) = signature.asyncness {
            self.asynchronous("async", token.span);
        }
    }

    /// Every name that a `use` brings, with its whole path.
    fn use_tree(&mut self, tree: &syn::UseTree, prefix: &[String]) {
        let longer = |name: String| [prefix, &[name]].concat();
        match tree {
            syn::UseTree::Path(path) => self.use_tree(&path.tree, &longer(path.ident.to_string())),
            syn::UseTree::Name(name) => self.mention(longer(name.ident.to_string()), None, name.ident.span()),
            syn::UseTree::Rename(name) => {
                self.mention(longer(name.ident.to_string()), Some(name.rename.to_string()), name.ident.span());
            }
            syn::UseTree::Glob(glob) => self.mention(longer("*".to_owned()), None, glob.star_token.span()),
            syn::UseTree::Group(group) => group.items.iter().for_each(|tree| self.use_tree(tree, prefix)),
        }
    }

    /// The inside of a macro, which has no syntax of its own: paths, methods and macros are told by their tokens.
    fn tokens(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let is =
            |place: usize, sign: char| matches!(tokens.get(place), Some(TokenTree::Punct(p)) if p.as_char() == sign);
        let mut place = 0;
        while let Some(token) = tokens.get(place) {
            let next = place + 1;
            match token {
                TokenTree::Group(group) => self.tokens(group.stream()),
                TokenTree::Ident(first) => {
                    let name = first.to_string();
                    if name == "async" || name == "await" {
                        self.asynchronous(&name, first.span());
                    } else if is(next, '!') && !is(next + 1, '=') {
                        self.call(format!("{name}!"), first.span());
                    } else if place > 0 && is(place - 1, '.') {
                        self.call(name, first.span());
                    } else {
                        let mut segments = vec![name];
                        while is(place + 1, ':') && is(place + 2, ':') {
                            let Some(TokenTree::Ident(segment)) = tokens.get(place + 3) else { break };
                            segments.push(segment.to_string());
                            place += 3;
                        }
                        self.mention(segments, None, first.span());
                    }
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
            place += 1;
        }
    }

    /// Visits an item; one that only tests compile is counted and marked.
    fn item(&mut self, attributes: &[syn::Attribute], span: Span, visit: impl FnOnce(&mut Self)) {
        let before = self.in_test;
        if attributes.iter().any(is_for_tests) {
            if !before {
                let start = attributes.first().map_or(span, syn::spanned::Spanned::span).start().line;
                self.source.test_lines += span.end().line + 1 - start;
            }
            self.in_test = true;
        }
        visit(self);
        self.in_test = before;
    }
}

fn is_for_tests(attribute: &syn::Attribute) -> bool {
    if attribute.path().is_ident("test") {
        return true;
    }
    let syn::Meta::List(list) = &attribute.meta else { return false };
    let condition = list.tokens.to_string();
    let names_test = condition.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "test");
    attribute.path().is_ident("cfg") && names_test && !condition.contains("not") && !condition.starts_with("any")
}

fn attributes_of(item: &syn::Item) -> &[syn::Attribute] {
    match item {
        syn::Item::Const(item) => &item.attrs,
        syn::Item::Enum(item) => &item.attrs,
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Macro(item) => &item.attrs,
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Static(item) => &item.attrs,
        syn::Item::Struct(item) => &item.attrs,
        syn::Item::Trait(item) => &item.attrs,
        syn::Item::Type(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_attribute(&mut self, _: &'ast syn::Attribute) {}

    /// `pub(crate)` imports nothing.
    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}

    fn visit_item(&mut self, item: &'ast syn::Item) {
        self.item(attributes_of(item), item.span(), |reader| visit::visit_item(reader, item));
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.within.push(item.ident.to_string());
        if item.content.is_none() {
            self.source.declared.push(Declared { module: self.within.clone(), in_test: self.in_test });
        }
        visit::visit_item_mod(self, item);
        self.within.pop();
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.use_tree(&item.tree, &[]);
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.sig, item.block.span());
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.item(&item.attrs, item.span(), |reader| {
            reader.function(&item.sig, item.block.span());
            visit::visit_impl_item_fn(reader, item);
        });
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        self.function(&item.sig, item.span());
        visit::visit_trait_item_fn(self, item);
    }

    fn visit_expr_async(&mut self, block: &'ast syn::ExprAsync) {
        self.asynchronous("async", block.async_token.span);
        visit::visit_expr_async(self, block);
    }

    fn visit_expr_await(&mut self, expression: &'ast syn::ExprAwait) {
        self.asynchronous("await", expression.await_token.span);
        visit::visit_expr_await(self, expression);
    }

    fn visit_expr_closure(&mut self, closure: &'ast syn::ExprClosure) {
        if let Some(token) = closure.asyncness {
            self.asynchronous("async", token.span);
        }
        visit::visit_expr_closure(self, closure);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.mention(segments, None, path.span());
        visit::visit_path(self, path);
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        self.call(call.method.to_string(), call.method.span());
        visit::visit_expr_method_call(self, call);
    }

    fn visit_macro(&mut self, makro: &'ast syn::Macro) {
        if let Some(last) = makro.path.segments.last() {
            self.call(format!("{}!", last.ident), makro.path.span());
        }
        self.tokens(makro.tokens.clone());
        visit::visit_macro(self, makro);
    }
}

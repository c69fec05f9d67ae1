//! The modules of a crate, and what each of them names of the others.
//!
//! The tokens of the source files are read, not their grammar: a path is names with `::` between
//! them, wherever it stands. What is only compiled for tests is left out.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The names that lead from the root of a crate to a module.
pub type ModulePath = Vec<String>;

/// Words after which an item has its name.
const NAMED: [&str; 9] = [
    "fn", "struct", "enum", "union", "trait", "type", "const", "static", "macro",
];

/// A module.
#[derive(Debug, Default)]
pub struct Module {
    /// The file it is in.
    pub file: PathBuf,
    /// What `use` brings into it, under the names it has there.
    imports: BTreeMap<String, ModulePath>,
    /// Modules of which `use` brings in everything.
    globs: Vec<ModulePath>,
    /// The paths in it, as they are written.
    pub paths: BTreeSet<ModulePath>,
    /// The items that it defines.
    items: BTreeSet<String>,
}

/// All modules of a crate.
#[derive(Debug, Default)]
pub struct Crate {
    /// By path; the root has the empty one.
    pub modules: BTreeMap<ModulePath, Module>,
}

impl Crate {
    /// Reads the crate whose root is this file.
    ///
    /// # Errors
    /// When a file of a module is missing, cannot be read or is not Rust.
    pub fn read(root: &Path) -> io::Result<Self> {
        let mut all = Self::default();
        let folder = root.parent().unwrap_or(Path::new(""));
        all.file(root, folder, Vec::new())?;
        Ok(all)
    }

    /// A crate of one file, for tests.
    #[cfg(test)]
    pub fn of(source: &str) -> Self {
        let mut all = Self::default();
        let root = all.modules.entry(Vec::new()).or_default();
        root.file = "lib.rs".into();
        let tokens = source.parse().unwrap();
        all.tokens(tokens, Path::new(""), &Vec::new()).unwrap();
        all
    }

    /// Reads a module from its file; `folder` has the files of those below it.
    fn file(&mut self, file: &Path, folder: &Path, path: ModulePath) -> io::Result<()> {
        let source = fs::read_to_string(file)?;
        let wrong = |error| io::Error::other(format!("{}: {error}", file.display()));
        let tokens: TokenStream = source.parse().map_err(wrong)?;
        self.modules.entry(path.clone()).or_default().file = file.to_owned();
        self.tokens(tokens, folder, &path)
    }

    fn tokens(&mut self, tokens: TokenStream, folder: &Path, path: &ModulePath) -> io::Result<()> {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            match (&tokens[at], tokens.get(at + 1)) {
                (TokenTree::Punct(hash), Some(TokenTree::Group(attribute)))
                    if hash.as_char() == '#' && is_for_tests(attribute.stream()) =>
                {
                    at = end_of_item(&tokens, at + 2);
                    continue;
                }
                (TokenTree::Ident(word), Some(TokenTree::Ident(name))) if word == "mod" => {
                    self.module(&name.to_string(), tokens.get(at + 2), folder, path)?;
                    at += 3;
                    continue;
                }
                (TokenTree::Ident(word), Some(next)) if word == "use" && !is(next, '<') => {
                    let end = (at..tokens.len()).find(|at| is(&tokens[*at], ';'));
                    let end = end.unwrap_or(tokens.len());
                    self.import(&tokens[at + 1..end], Vec::new(), path);
                    at = end + 1;
                    continue;
                }
                (TokenTree::Ident(word), Some(TokenTree::Ident(name)))
                    if NAMED.contains(&word.to_string().as_str()) =>
                {
                    self.at(path).items.insert(name.to_string());
                }
                _ => {}
            }
            match &tokens[at] {
                TokenTree::Group(group) => self.tokens(group.stream(), folder, path)?,
                TokenTree::Ident(_) => {
                    let (names, length) = names(&tokens[at..]);
                    let is_foreign =
                        at >= 2 && is(&tokens[at - 1], ':') && is(&tokens[at - 2], ':');
                    if names.len() > 1 && !is_foreign {
                        self.at(path).paths.insert(names);
                    }
                    at += length;
                    continue;
                }
                _ => {}
            }
            at += 1;
        }
        Ok(())
    }

    /// A module below another, in its own file or in braces.
    fn module(
        &mut self,
        name: &str,
        body: Option<&TokenTree>,
        folder: &Path,
        path: &ModulePath,
    ) -> io::Result<()> {
        let child = [path.as_slice(), &[name.to_owned()]].concat();
        let below = folder.join(name);
        match body {
            Some(TokenTree::Group(body)) => {
                let file = self.at(path).file.clone();
                self.modules.entry(child.clone()).or_default().file = file;
                self.tokens(body.stream(), &below, &child)
            }
            _ => {
                let file = folder.join(format!("{name}.rs"));
                let file = match file.is_file() {
                    true => file,
                    false => below.join("mod.rs"),
                };
                self.file(&file, &below, child)
            }
        }
    }

    /// Takes up a `use`, or a part of one below `prefix`.
    fn import(&mut self, tokens: &[TokenTree], prefix: ModulePath, path: &ModulePath) {
        let (mut names, length) = names(tokens);
        let rest = &tokens[length..];
        names.splice(0..0, prefix);
        match rest {
            [TokenTree::Group(group), ..] => {
                let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                for part in inner.split(|token| is(token, ',')) {
                    if !part.is_empty() {
                        self.import(part, names.clone(), path);
                    }
                }
            }
            [star, ..] if is(star, '*') => {
                let module = self.at(path);
                module.paths.insert(names.clone());
                module.globs.push(names);
            }
            _ => {
                if names.len() > 1 && names.last().is_some_and(|name| name == "self") {
                    names.pop();
                }
                let alias = match rest {
                    [TokenTree::Ident(word), TokenTree::Ident(alias), ..] if word == "as" => {
                        Some(alias.to_string())
                    }
                    _ => names.last().cloned(),
                };
                let module = self.at(path);
                module.paths.insert(names.clone());
                module.imports.extend(alias.map(|alias| (alias, names)));
            }
        }
    }

    fn at(&mut self, path: &ModulePath) -> &mut Module {
        self.modules.entry(path.clone()).or_default()
    }

    /// The module that has what a path in another module names; none for other crates.
    pub fn target(&self, from: &ModulePath, path: &[String]) -> Option<ModulePath> {
        const LONGEST_CHAIN: usize = 16;
        let mut path = self.absolute(from, path, LONGEST_CHAIN)?;
        for _ in 0..LONGEST_CHAIN {
            let known = (0..=path.len()).rev();
            let depth = known
                .into_iter()
                .find(|depth| self.modules.contains_key(&path[..*depth]))?;
            let (module, rest) = path.split_at(depth);
            let (module, rest) = (module.to_vec(), rest.to_vec());
            let Some((item, further)) = rest.split_first() else {
                return Some(module);
            };
            // It may be handed on from elsewhere.
            let found = &self.modules[&module];
            let Some(origin) = self.origin(found, &module, item) else {
                return Some(module);
            };
            path = [origin.as_slice(), further].concat();
        }
        None
    }

    /// Where a module has an item from that it does not define.
    fn origin(&self, module: &Module, path: &ModulePath, item: &str) -> Option<ModulePath> {
        if module.items.contains(item) {
            return None;
        }
        if let Some(import) = module.imports.get(item) {
            return self.absolute(path, import, 1);
        }
        module.globs.iter().find_map(|glob| {
            let glob = self.absolute(path, glob, 1)?;
            let other = self.modules.get(&glob)?;
            let has = other.items.contains(item) || other.imports.contains_key(item);
            has.then(|| [glob.as_slice(), &[item.to_owned()]].concat())
        })
    }

    /// A path from the root of the crate.
    fn absolute(&self, from: &ModulePath, path: &[String], chain: usize) -> Option<ModulePath> {
        let (first, rest) = path.split_first()?;
        let module = self.modules.get(from)?;
        let child = [from.as_slice(), std::slice::from_ref(first)].concat();
        let base = match first.as_str() {
            "crate" => Vec::new(),
            "self" => from.clone(),
            "super" => {
                let (_, parent) = from.split_last()?;
                return match rest.first().is_some_and(|next| next == "super") {
                    true => self.absolute(&parent.to_vec(), rest, chain),
                    false => Some([parent, rest].concat()),
                };
            }
            _ if self.modules.contains_key(&child) => child,
            _ => {
                let import = module.imports.get(first).filter(|import| *import != path)?;
                self.absolute(from, import, chain.checked_sub(1)?)?
            }
        };
        Some([base.as_slice(), rest].concat())
    }
}

/// Whether an attribute says that what follows is for tests.
fn is_for_tests(attribute: TokenStream) -> bool {
    let mut tokens = attribute.into_iter();
    let is_cfg = matches!(tokens.next(), Some(TokenTree::Ident(word)) if word == "cfg");
    let Some(TokenTree::Group(condition)) = tokens.next().filter(|_| is_cfg) else {
        return false;
    };
    let text = condition.stream().to_string();
    let mut words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
    words.clone().any(|word| word == "test") && words.all(|word| word != "not" && word != "any")
}

/// The place after the item that starts here.
fn end_of_item(tokens: &[TokenTree], from: usize) -> usize {
    let ends = |token: &TokenTree| match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        token => is(token, ';'),
    };
    let end = (from..tokens.len()).find(|at| ends(&tokens[*at]));
    end.map_or(tokens.len(), |end| end + 1)
}

/// The names at the beginning that have `::` between them, and how many tokens they are, with a
/// `::` after the last.
fn names(tokens: &[TokenTree]) -> (ModulePath, usize) {
    let mut names = Vec::new();
    let mut at = 0;
    while let Some(TokenTree::Ident(name)) = tokens.get(at) {
        names.push(name.to_string());
        at += 1;
        let colons = tokens.get(at..at + 2);
        if !colons.is_some_and(|two| two.iter().all(|token| is(token, ':'))) {
            break;
        }
        at += 2;
    }
    (names, at)
}

fn is(token: &TokenTree, what: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == what)
}

//! Compares the imports of `src` and of `ledger/src` with the tables of layers in `docs/architecture.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A module as the names that lead to it, such as `["ingest", "spool"]`.
type Module = Vec<String>;

/// The lines of a file that are neither comments nor unit tests.
fn product_lines(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).expect("a source file");
    let product = text
        .split("#[cfg(test)]\nmod tests {")
        .next()
        .unwrap_or_default();
    product
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default().to_owned())
        .collect()
}

/// Whether a module is compiled only for tests.
fn is_test(module: &Module) -> bool {
    let names_of_tests = ["tests", "faulty", "fuzz", "model"];
    module.iter().any(|name| {
        name.starts_with("tests_") || name.ends_with("_tests") || names_of_tests.contains(&&**name)
    })
}

/// The packages with layers, in the order of their tables: each with its folder and a number of imports that it exceeds.
const PACKAGES: [(&str, usize); 2] = [("src", 100), ("ledger/src", 50)];

/// Every module of a package that is not a test, with its file.
fn modules(folder: &str) -> BTreeMap<Module, PathBuf> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut modules = BTreeMap::new();
    let mut folders = vec![src.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let names = path
                .strip_prefix(&src)
                .expect("below src")
                .with_extension("");
            let mut module: Module = names
                .iter()
                .map(|name| name.to_string_lossy().into_owned())
                .collect();
            if module.last().is_some_and(|name| name == "mod") {
                module.pop();
            }
            if !is_test(&module) && module != ["lib"] {
                modules.insert(module, path);
            }
        }
    }
    modules
}

/// The row of each module in the table with this number.
fn rows(table: usize) -> BTreeMap<String, usize> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/architecture.md");
    let page = fs::read_to_string(page).expect("the page");
    let table = page.split("| --- | --- |\n").nth(table + 1);
    let table = table.expect("a table");
    let rows = table.lines().take_while(|line| line.starts_with('|'));
    let mut found = BTreeMap::new();
    for (row, line) in rows.enumerate() {
        let cell = line.split('|').nth(1).expect("the first column");
        for name in cell.split_whitespace() {
            found.insert(name.trim_matches('`').to_owned(), row);
        }
    }
    found
}

#[test]
fn modules_use_no_layer_below_theirs() {
    let mut wrong = Vec::new();
    for (table, (folder, _)) in PACKAGES.iter().enumerate() {
        wrong.extend(wrong_uses(&rows(table), modules(folder)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The uses of a layer below that of the module.
fn wrong_uses(rows: &BTreeMap<String, usize>, modules: BTreeMap<Module, PathBuf>) -> Vec<String> {
    let mut wrong = Vec::new();
    for (module, file) in modules {
        let row = rows.get(&module[0]);
        let Some(row) = row else {
            wrong.push(format!("{} is in no row", module.join("::")));
            continue;
        };
        for (number, line) in product_lines(&file).iter().enumerate() {
            for path in line.split("crate::").skip(1) {
                let end = path.find(|c: char| !c.is_alphanumeric() && c != '_');
                let used = &path[..end.unwrap_or(path.len())];
                if rows.get(used).is_some_and(|used| used > row) {
                    let place = format!("{}:{}", file.display(), number + 1);
                    wrong.push(format!("{place} uses {used}"));
                }
            }
        }
    }
    wrong
}

/// The paths that a `use` tree names, such as `super::{a::B, c}`.
fn paths(tree: &str) -> Vec<String> {
    let Some(open) = tree.find('{') else {
        return vec![tree.to_owned()];
    };
    let (mut depth, mut start, mut parts) = (0, open + 1, Vec::new());
    for (at, letter) in tree.char_indices().skip(open) {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if (letter == ',' && depth == 1) || (letter == '}' && depth == 0) {
            parts.push(&tree[start..at]);
            start = at + 1;
        }
    }
    let parts = parts.into_iter().filter(|part| !part.is_empty());
    parts
        .flat_map(|part| paths(&format!("{}{part}", &tree[..open])))
        .collect()
}

/// The modules whose items a file imports, except its parent and child modules.
fn imports(module: &Module, file: &Path, modules: &BTreeMap<Module, PathBuf>) -> BTreeSet<Module> {
    let text: String = product_lines(file).join(" ");
    let mut imported = BTreeSet::new();
    for statement in text.split(';') {
        let Some((_, tree)) = statement.rsplit_once("use ") else {
            continue;
        };
        let tree: String = tree.split_whitespace().collect();
        for path in paths(&tree) {
            let mut names = path.split("::").peekable();
            let mut found: Module = match names.peek() {
                Some(&"crate") => Vec::new(),
                Some(&("self" | "super")) => module.clone(),
                _ => continue,
            };
            while let Some(name @ ("crate" | "self" | "super")) = names.peek().copied() {
                if name == "super" {
                    found.pop();
                }
                names.next();
            }
            for name in names {
                found.push(name.to_owned());
                if !modules.contains_key(&found) {
                    found.pop();
                    break;
                }
            }
            if !found.starts_with(module) && !module.starts_with(&found) {
                imported.insert(found);
            }
        }
    }
    imported
}

#[test]
fn files_import_each_other_in_no_circle() {
    for (folder, count) in PACKAGES {
        assert_no_circle(&modules(folder), count);
    }
}

fn assert_no_circle(modules: &BTreeMap<Module, PathBuf>, count: usize) {
    let mut imports: BTreeMap<_, _> = modules
        .iter()
        .map(|(module, file)| (module.clone(), imports(module, file, modules)))
        .collect();
    assert!(imports.values().map(BTreeSet::len).sum::<usize>() > count);
    // a file that imports nothing is in no cycle, so remove it together with the imports of it
    loop {
        let done: Vec<_> = imports
            .iter()
            .filter(|(_, imported)| !imported.iter().any(|it| imports.contains_key(it)))
            .map(|(module, _)| module.clone())
            .collect();
        if done.is_empty() {
            break;
        }
        imports.retain(|module, _| !done.contains(module));
    }
    let left: Vec<_> = imports.keys().map(|module| module.join("::")).collect();
    assert!(left.is_empty(), "in a circle, or importing one: {left:?}");
}

//! The user's own folder. In: the environment. Out: where keys lie.

use std::path::PathBuf;

/// `unmask/<name>` in `XDG_CONFIG_HOME`, or in `.config` at home; `None` when neither is known.
pub fn user_file(name: &str) -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let config = set("XDG_CONFIG_HOME").filter(|dir| dir.is_absolute());
    let folder = config.or_else(|| set("HOME").map(|home| home.join(".config")))?;
    Some(folder.join("unmask").join(name))
}

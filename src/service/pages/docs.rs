//! The interface for people. In: the OpenAPI document. Out: a page that reads without scripts.

use maud::{Markup, html};
use serde_json::{Map, Value};

use crate::report::shell::{Shell, page};

/// Methods in the order in which they are shown.
const METHODS: [&str; 3] = ["get", "post", "delete"];

/// The page of a document.
pub fn page_of(document: &Value) -> Vec<u8> {
    let body = html! {
        nav.links aria-label="Pages" { a href="/" { "Calls" } a href="/openapi.json" { "openapi.json" } }
        header.masthead {
            p.brand { b { "unmask" } " " (text(&document["info"]["version"])) }
            h1 { "Interface" }
            p.about { (text(&document["info"]["description"])) }
        }
        main #main {
            ul.contents { @for (method, path, what) in operations(document) {
                li { a href=(format!("#{}", text(&what["operationId"]))) { code { (method.to_uppercase()) " " (path) } } }
            } }
            @for (method, path, what) in operations(document) { (operation(method, path, what)) }
            @for (name, schema) in members(&document["components"]["schemas"]) { (schema_of(name, schema)) }
        }
    };
    page(&Shell {
        title: "Interface · unmask",
        style: include_str!("docs.css"),
        policy: "",
        script: "",
        data: None,
        body,
    })
}

fn operations(document: &Value) -> Vec<(&'static str, &str, &Value)> {
    let of = |path| METHODS.into_iter().filter_map(move |m| Some((m, document["paths"].get(path)?.get(m)?)));
    members(&document["paths"])
        .flat_map(|(path, _)| of(path.as_str()).map(move |(m, what)| (m, path.as_str(), what)))
        .collect()
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn operation(method: &str, path: &str, what: &Value) -> Markup {
    html! {
        section #(text(&what["operationId"])) {
            h2 { span.method { (method) } code { (path) } }
            p.about { (text(&what["summary"])) }
            @if let Some(more) = what["description"].as_str() { p.about.note { (more) } }
            @if items(&what["parameters"]).next().is_some() {
                h3 { "Parameters" }
                dl.rows { @for given in items(&what["parameters"]) {
                    div { dt { code { (text(&given["name"])) } } dd {
                        (text(&given["description"])) span.note { (text(&given["in"])) ", " (kind(&given["schema"])) }
                    } }
                } }
            }
            @if what.get("requestBody").is_some() { h3 { "Body" } (contents(&what["requestBody"]["content"])) }
            h3 { "Answers" }
            dl.rows { @for (status, answer) in members(&what["responses"]) {
                div { dt { (status) } dd { (text(&answer["description"])) (contents(&answer["content"])) } }
            } }
        }
    }
}

fn contents(content: &Value) -> Markup {
    html! { ul { @for (media, of) in members(content) { li { code { (media) } " " (kind(&of["schema"])) } } } }
}

/// A type in a word, or a link to its description.
fn kind(schema: &Value) -> Markup {
    if let Some(name) = schema["$ref"].as_str().and_then(|r| r.rsplit('/').next()) {
        return html! { a href=(format!("#{name}")) { (name) } };
    }
    let each: Vec<&Value> = ["anyOf", "oneOf"].iter().flat_map(|of| items(&schema[of])).collect();
    if !each.is_empty() {
        return html! { @for (i, one) in each.into_iter().enumerate() { @if i > 0 { " or " } (kind(one)) } };
    }
    if schema["type"] == "array" && schema["items"].is_object() {
        return html! { "array of " (kind(&schema["items"])) };
    }
    if let Some(value) = schema.get("const") {
        return html! { code { (text(value)) } };
    }
    let values: Vec<&str> = items(&schema["enum"]).filter_map(Value::as_str).collect();
    if !values.is_empty() {
        return html! { (values.join(", ")) };
    }
    let names: Vec<&str> = schema["type"].as_str().into_iter().chain(items(&schema["type"]).map(text)).collect();
    html! { (names.join(" or ")) }
}

fn schema_of(name: &str, schema: &Value) -> Markup {
    html! {
        section #(name) {
            h2 { (name) }
            p.about { (text(&schema["description"])) }
            @if schema.get("properties").is_none() { p { (kind(schema)) } }
            dl.rows {
                @for (field, of) in members(&schema["properties"]) {
                    div { dt { code { (field) } } dd { (text(&of["description"])) span.note { (kind(of)) } } }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_and_schema_is_shown_and_links_lead_somewhere() {
        let document = crate::service::document();
        let page = String::from_utf8(page_of(&document)).unwrap();
        for (path, _) in members(&document["paths"]) {
            assert!(page.contains(&format!("<code>{path}</code>")), "{path}");
        }
        for link in page.split("href=\"#").skip(1).map(|rest| rest.split('"').next().unwrap()) {
            assert!(link.starts_with("m-") || page.contains(&format!("id=\"{link}\"")), "{link}");
        }
        assert!(!page.contains("unsafe-inline"));
    }
}

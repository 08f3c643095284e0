//! The description of the interface. In: the types of the bodies, the table of routes. Out: OpenAPI 3.1 as JSON.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::auth::Scope;
use super::dto::{CallBody, CallList, FileAsk, Health, SessionBody, SignIn, UriAsk};
use super::problem::ProblemBody;
use crate::store::Receipt;

/// What an answer holds.
#[derive(Clone, Copy)]
enum Body {
    /// JSON of a type.
    Json(&'static str),
    /// Anything else, by media type.
    Of(&'static str),
    /// None.
    Nothing,
}

/// A row of the table.
struct Route {
    method: &'static str,
    path: &'static str,
    scope: Option<Scope>,
    summary: &'static str,
    status: &'static str,
    body: Body,
}

const fn get(path: &'static str, scope: Option<Scope>, summary: &'static str, body: Body) -> Route {
    Route { method: "get", path, scope, summary, status: "200", body }
}

const READ: Option<Scope> = Some(Scope::Read);

/// Every route.
const ROUTES: [Route; 18] = [
    Route {
        method: "post",
        path: "/v1/calls",
        scope: Some(Scope::Submit),
        summary: "Scan a recording: upload it, or name an allowed address",
        status: "202",
        body: Body::Json("CallBody"),
    },
    get("/v1/calls", READ, "List calls, newest first", Body::Json("CallList")),
    get("/v1/calls/{id}", READ, "Look at a call", Body::Json("CallBody")),
    Route {
        method: "delete",
        path: "/v1/calls/{id}",
        scope: Some(Scope::Admin),
        summary: "Delete a call with its recording and results; the answer is the receipt",
        status: "200",
        body: Body::Json("Receipt"),
    },
    get(
        "/v1/calls/{id}/records",
        READ,
        "The record stream, JSON Lines of unmask/1; takes ranges",
        Body::Of("application/jsonl"),
    ),
    get("/v1/calls/{id}/report.html", READ, "The page for reviewers", Body::Of("text/html")),
    get(
        "/v1/calls/{id}/evidence",
        READ,
        "The signed evidence bundle, a tar archive; takes ranges",
        Body::Of("application/x-tar"),
    ),
    get(
        "/v1/calls/{id}/events",
        READ,
        "Server-sent events: state, progress, end, whose data is a CallBody; record, of a live interview, of unmask/1",
        Body::Of("text/event-stream"),
    ),
    Route {
        method: "get",
        path: "/v1/calls/{id}/socket",
        scope: READ,
        summary: "The same over a WebSocket: text messages {\"event\": ..., \"data\": ...}, closed after end",
        status: "101",
        body: Body::Nothing,
    },
    Route {
        method: "post",
        path: "/v1/live",
        scope: Some(Scope::Submit),
        summary: "Publish a live interview (WHIP, RFC 9725): an SDP offer, answered; it becomes the call of the same id",
        status: "201",
        body: Body::Of("application/sdp"),
    },
    Route {
        method: "delete",
        path: "/v1/live/{id}",
        scope: Some(Scope::Submit),
        summary: "End a live interview; its call stays",
        status: "200",
        body: Body::Nothing,
    },
    get("/live", None, "The page that publishes from a browser", Body::Of("text/html")),
    get("/v1/session", None, "Who asks, and what they may", Body::Json("SessionBody")),
    Route {
        method: "post",
        path: "/v1/session",
        scope: None,
        summary: "Sign in: a key for a cookie, for browsers; 409 where no key is needed",
        status: "200",
        body: Body::Json("SessionBody"),
    },
    Route {
        method: "delete",
        path: "/v1/session",
        scope: None,
        summary: "Sign out",
        status: "204",
        body: Body::Nothing,
    },
    get("/healthz", None, "Whether calls can be scanned; 503 when not", Body::Json("Health")),
    get("/metrics", READ, "Figures in Prometheus' text format", Body::Of("text/plain")),
    get("/openapi.json", None, "This description", Body::Of("application/json")),
];

/// The document.
pub fn document() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|s| s.definitions_path = "/components/schemas".into());
    let mut generator = settings.into_generator();
    generator.subschema_for::<CallBody>();
    generator.subschema_for::<CallList>();
    generator.subschema_for::<Health>();
    generator.subschema_for::<Receipt>();
    generator.subschema_for::<ProblemBody>();
    generator.subschema_for::<UriAsk>();
    generator.subschema_for::<FileAsk>();
    generator.subschema_for::<SessionBody>();
    generator.subschema_for::<SignIn>();
    let schemas = generator.take_definitions(true);
    let mut paths = Map::new();
    for route in &ROUTES {
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[route.method] = operation(route);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "unmask",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Says, frame by frame, how likely it is that a face or voice in a recorded interview is masked by AI. Finding no signs does not show that a person is who they say they are.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "key": { "type": "http", "scheme": "bearer" },
                "session": { "type": "apiKey", "in": "cookie", "name": "unmask_session" },
            },
        },
    })
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

fn header(name: &str, about: &str) -> Value {
    json!({ "name": name, "in": "header", "description": about, "schema": { "type": "string" } })
}

fn choice(name: &str, about: &str, of: &str) -> Value {
    json!({ "name": name, "in": "query", "description": about, "schema": reference(of) })
}

fn operation(route: &Route) -> Value {
    let content = match route.body {
        Body::Json(name) => json!({ "application/json": { "schema": reference(name) } }),
        Body::Of(kind) => json!({ kind: {} }),
        Body::Nothing => json!({}),
    };
    let mut responses = json!({
        route.status: { "description": "Done", "content": content },
        "default": {
            "description": "A problem (RFC 9457)",
            "content": { "application/problem+json": { "schema": reference("ProblemBody") } },
        },
    });
    let parameters = parameters(route, &mut responses, &content);
    let mut operation = json!({
        "summary": route.summary,
        "operationId": format!("{}{}", route.method, route.path.replace(['/', '{', '}', '.'], "_")),
        "parameters": parameters,
        "responses": responses,
    });
    if let Some(scope) = route.scope {
        operation["security"] = json!([{ "key": [] }, { "session": [] }, {}]);
        operation["description"] =
            json!(format!("Needs a key with the scope {}, where keys are in use.", scope.name()));
    }
    if route.method == "post" {
        operation["requestBody"] = json!({ "required": true, "content": sent(route.path) });
    }
    operation
}

/// What a request may carry, and the answers that come with it.
fn parameters(route: &Route, responses: &mut Value, content: &Value) -> Vec<Value> {
    let query = |name: &str, about: &str| json!({ "name": name, "in": "query", "description": about, "schema": { "type": "integer", "minimum": 1 } });
    let mut parameters = Vec::new();
    if route.path.contains("{id}") {
        let schema = json!({ "type": "string", "pattern": "^[0-9a-f]{32}$" });
        parameters.push(json!({ "name": "id", "in": "path", "required": true, "schema": schema }));
    }
    match (route.method, route.path) {
        ("post", "/v1/calls") => {
            parameters.push(header("Idempotency-Key", "Sent twice with one key, it is one call"));
            parameters
                .push(header("Prefer", "wait=N: answer when the call has ended, or after N seconds (at most 60)"));
            responses["200"] = json!({ "description": "The call has ended", "content": content });
        }
        ("get", "/v1/calls/{id}") => parameters.push(header("Prefer", "wait=N, as with POST")),
        ("get", "/v1/calls") => {
            parameters.push(query("limit", "Calls on the page, 1 to 200; 50 unless given"));
            parameters.push(choice("state", "Only calls that are so far", "CallState"));
            parameters.push(choice("result", "Only calls of which this was found, overall", "Outcome"));
            let about = "Only calls whose source has this in it; ASCII letters of either case";
            parameters
                .push(json!({ "name": "name", "in": "query", "description": about, "schema": { "type": "string" } }));
            parameters.push(query("cursor", "As `next` of the page before"));
        }
        ("get", "/v1/calls/{id}/records" | "/v1/calls/{id}/evidence" | "/v1/calls/{id}/report.html") => {
            parameters.push(header("Range", "bytes=FIRST-LAST"));
            responses["206"] = json!({ "description": "A part", "content": content });
        }
        ("get", "/healthz") => {
            responses["503"] = json!({ "description": "Calls cannot be scanned", "content": content });
        }
        _ => {}
    }
    parameters
}

/// The body of a request.
fn sent(path: &str) -> Value {
    match path {
        "/v1/live" => json!({ "application/sdp": {} }),
        "/v1/session" => json!({ "application/json": { "schema": reference("SignIn") } }),
        _ => json!({
            "multipart/form-data": { "schema": reference("FileAsk") },
            "application/json": { "schema": reference("UriAsk") },
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_leads_somewhere() {
        let document = document();
        let text = document.to_string();
        for reference in text.split("\"$ref\":\"#").skip(1).map(|rest| rest.split('"').next().unwrap()) {
            assert!(document.pointer(reference).is_some(), "{reference}");
        }
        assert!(text.contains("p_masked") && document["openapi"] == "3.1.0");
    }
}

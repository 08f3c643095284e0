//! Traces for a collector (OpenTelemetry's OTLP over HTTP). In: spans of the service, the standard's environment variables.
//! Out: requests and scans with their times, and the call's id; no name of a recording, no message of the log.

use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, Request, Response};
use opentelemetry::Key;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::TracerProvider;
use opentelemetry_http::{HeaderExtractor, HttpClient, HttpError};
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::field::Empty;
use tracing::level_filters::LevelFilter;
use tracing::{Level, Metadata, Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

use super::ServiceError;
use crate::store::StoredCall;

/// Each of these says where the collector is
/// (<https://opentelemetry.io/docs/specs/otel/protocol/exporter/>).
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];

/// How long a collector may take.
const ANSWER: Duration = Duration::from_secs(5);

/// Largest answer of a collector that is read, in bytes.
const MOST: u64 = 64 << 10;

/// Sends spans until it is dropped, and then what is left.
pub struct Traces(SdkTracerProvider);

impl Traces {
    /// What the environment asks for: nothing unless it names a collector and switches nothing off.
    pub fn from_env() -> Result<Option<Self>, ServiceError> {
        let said = |name: &str| std::env::var(name).unwrap_or_default();
        let is_off = said("OTEL_SDK_DISABLED").eq_ignore_ascii_case("true") || said("OTEL_TRACES_EXPORTER") == "none";
        if is_off || ENDPOINTS.iter().all(|name| said(name).is_empty()) {
            return Ok(None);
        }
        let agent = ureq::Agent::config_builder().timeout_global(Some(ANSWER)).http_status_as_error(false);
        // What the variables have it send along is for the collector they name.
        let agent = agent.max_redirects(0);
        let exporter = SpanExporter::builder().with_http().with_http_client(Sender(agent.build().into())).build();
        let exporter = exporter.map_err(|e: ExporterBuildError| ServiceError::Traces(e.to_string()))?;
        let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource());
        Ok(Some(Self(provider.build())))
    }

    /// What hands this service's spans on.
    pub fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let service = module_path!().trim_end_matches("::traces");
        let own =
            move |it: &Metadata<'_>| it.is_span() && *it.level() <= Level::INFO && it.target().starts_with(service);
        let tracer = self.0.tracer(env!("CARGO_PKG_NAME"));
        let layer = tracing_opentelemetry::layer().with_tracer(tracer).with_location(false).with_threads(false);
        layer.with_filter(filter_fn(own).with_max_level_hint(LevelFilter::INFO))
    }
}

/// Whose spans these are: as the environment says, else this program's.
fn resource() -> Resource {
    let told = Resource::builder().build();
    let name = told.get(&Key::from_static_str("service.name")).map(|name| name.to_string()).unwrap_or_default();
    let is_told = !name.is_empty() && !name.starts_with("unknown_service");
    let named = Resource::builder();
    if is_told { told } else { named.with_service_name(env!("CARGO_PKG_NAME")).build() }
}

impl Drop for Traces {
    fn drop(&mut self) {
        if let Err(error) = self.0.shutdown_with_timeout(ANSWER) {
            eprintln!("unmask: the last traces are lost: {error}");
        }
    }
}

/// A scan as traces show it, recorded or live.
pub fn scan(call: &StoredCall) -> Span {
    tracing::info_span!("scan", call = call.name, attempts = call.attempts, otel.status_code = Empty)
}

/// Marks the span in which something failed.
pub fn failed(span: &Span) {
    span.record("otel.status_code", "ERROR");
}

/// Makes a request's span part of the trace that its sender names (W3C Trace Context).
pub fn join(span: &Span, headers: &HeaderMap) {
    // Without traces there is nothing to join.
    let _ = span.set_parent(TraceContextPropagator::new().extract(&HeaderExtractor(headers)));
}

/// Sends what the exporter has packed.
#[derive(Debug)]
struct Sender(ureq::Agent);

#[async_trait::async_trait]
impl HttpClient for Sender {
    /// Blocks: the exporter has a thread of its own.
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let answer = self.0.run(request.map(|body| body.to_vec()));
        let answer = answer.inspect_err(|error| tracing::warn!(%error, "traces are lost: no collector answers"));
        let (parts, body) = answer?.into_parts();
        if !parts.status.is_success() {
            tracing::warn!(status = parts.status.as_u16(), "traces are lost: the collector refuses them");
        }
        let body = body.into_with_config().limit(MOST).read_to_vec()?;
        Ok(Response::from_parts(parts, body.into()))
    }
}

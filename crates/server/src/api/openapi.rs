//! The OpenAPI document: paths from the handlers (utoipa), schemas from the contract's own types (schemars).
//!
//! The contract's types already carry their JSON schema; OpenAPI 3.1 uses the same dialect (2020-12), so they are put in
//! as they are instead of being described a second time. The document is committed as `openapi.json` and a test compares.

use std::borrow::Cow;

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{Object, Schema};
use utoipa::{PartialSchema, ToSchema};

/// Names for the document's schemas that stand in for types whose schema schemars knows.
macro_rules! schemas {
    ($register:ident: $($name:ident = $type:ty),+ $(,)?) => {
        $(
            #[doc = concat!("Stands for the schema `", stringify!($name), "`.")]
            #[derive(Debug)]
            pub struct $name;

            impl PartialSchema for $name {
                fn schema() -> RefOr<Schema> {
                    RefOr::T(Schema::Object(Object::new()))
                }
            }

            impl ToSchema for $name {
                fn name() -> Cow<'static, str> {
                    Cow::Borrowed(stringify!($name))
                }
            }
        )+

        fn $register(generator: &mut SchemaGenerator) {
            $(generator.subschema_for::<$type>();)+
        }
    };
}

schemas! { answers:
    Problem = crate::problem::Problem,
    Overview = state::Overview,
    AlertSummaryPage = state::Page<state::AlertSummary>,
    AlertRecord = state::AlertRecord,
    CatalogueEntry = super::alerts::CatalogueEntry,
    IncidentSummaryPage = state::Page<state::IncidentSummary>,
    IncidentDetails = state::IncidentDetails,
    ImageSummaryPage = state::Page<state::ImageSummary>,
    ImageDetails = state::ImageDetails,
    FindingRowPage = state::Page<state::FindingRow>,
    PackagePage = state::Page<model::Package>,
    Job = crate::jobs::Job,
    JobPage = state::Page<crate::jobs::Job>,
    WorkloadRowPage = state::Page<state::WorkloadRow>,
    NodeRowPage = state::Page<state::NodeRow>,
    NodeDetails = super::nodes::NodeDetails,
    CoverageRowPage = state::Page<state::CoverageRow>,
    GapRowPage = state::Page<state::GapRow>,
    TokenRowPage = state::Page<state::access::TokenRow>,
    TrailEntryPage = state::Page<state::TrailEntry>,
    NewApiToken = super::access::NewApiToken,
    NewEnrolmentToken = super::access::NewEnrolmentToken,
    SessionInfo = super::session::SessionInfo,
    StreamEvent = super::stream::StreamEvent,
}

schemas! { requests:
    IncidentPatch = state::IncidentPatch,
    AssessRequest = super::images::AssessRequest,
    ApiTokenRequest = super::access::ApiTokenRequest,
    EnrolmentTokenRequest = super::access::EnrolmentTokenRequest,
    SessionRequest = super::session::SessionRequest,
}

/// The whole document as JSON.
pub fn document() -> Value {
    let api = super::routes().into_openapi();
    // Serialising our own document cannot fail; an empty one would fail the comparison with the committed file.
    let mut document = serde_json::to_value(api).unwrap_or_default();
    let settings =
        || SchemaSettings::draft2020_12().with(|settings| settings.definitions_path = "/components/schemas".into());
    let mut reads = settings().for_deserialize().into_generator();
    requests(&mut reads);
    let mut writes = settings().for_serialize().into_generator();
    answers(&mut writes);
    let mut all = reads.take_definitions(true);
    all.append(&mut writes.take_definitions(true));
    all.sort_keys();
    document["components"] = json!({
        "schemas": all,
        "securitySchemes": {
            "bearer": {"type": "http", "scheme": "bearer", "description": "An API token"},
            "session": {"type": "apiKey", "in": "cookie", "name": super::COOKIE, "description": "A console's session"},
        },
    });
    document
}

/// The text of the committed file.
pub fn text() -> String {
    let mut text = serde_json::to_string_pretty(&document()).unwrap_or_default();
    text.push('\n');
    text
}

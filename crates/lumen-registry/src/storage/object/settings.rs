//! The host and the credentials: from the URL, the environment and the user's own files.

use std::{path::Path, sync::Arc};

use object_store::{
    ObjectStore, RetryConfig,
    aws::{AmazonS3Builder, AmazonS3ConfigKey},
    azure::{AzureConfigKey, MicrosoftAzureBuilder},
    gcp::{GoogleCloudStorageBuilder, GoogleConfigKey},
    list::PaginatedListStore,
};

use url::Url;

use super::{client::Connector, profile::Profile};
use crate::{
    audience::Audience,
    location::{ObjectLocation, Provider},
    storage::{HostOptions, http::root_cause, requests::Requests},
    variables::Variables,
};

/// A bucket that can be spoken to.
pub(super) struct Bucket {
    pub(super) store: Arc<dyn ObjectStore>,
    pub(super) pages: Arc<dyn PaginatedListStore>,
    /// Its name and that of its host, as the key of remembered results.
    pub(super) host: String,
    /// The reason why writing is impossible, if there is one.
    pub(super) lacks: Option<String>,
}

const S3_LACKS: &str =
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE for a profile in ~/.aws";
const S3_LACKS_INDIRECT: &str = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY: the default profile in ~/.aws has no key, \
     and `aws configure export-credentials --format env` makes variables of it";
const GCS_LACKS: &str =
    "set GOOGLE_APPLICATION_CREDENTIALS, or run `gcloud auth application-default login`";
const AZURE_LACKS: &str =
    "set AZURE_STORAGE_ACCOUNT_KEY or AZURE_STORAGE_SAS_TOKEN beside AZURE_STORAGE_ACCOUNT_NAME";
const UNTRUSTED: &str = "the project names the endpoint, and credentials are only sent to those that you name: \
                         give the URL with --registry, in LUMEN_REGISTRY or LUMEN_REGISTRIES_<NAME>_URL, or in your own configuration";

/// Domains of Azure's own blob storage, and of Fabric's.
const AZURE: [&str; 2] = ["blob.core.windows.net", "fabric.microsoft.com"];

impl Bucket {
    /// # Errors
    /// The mistake in the environment, without secrets.
    pub(super) fn new(
        location: &ObjectLocation,
        options: &HostOptions,
        requests: &Arc<Requests>,
    ) -> Result<Self, String> {
        match location.provider {
            Provider::S3 | Provider::R2 => s3(location, options, requests),
            Provider::Gcs => gcs(location, options, requests),
            Provider::Azure => azure(location, options, requests),
        }
    }
}

/// Once is enough: the caller knows best whether to ask again.
fn no_retries() -> RetryConfig {
    RetryConfig {
        max_retries: 0,
        ..RetryConfig::default()
    }
}

fn bucket<S: ObjectStore + PaginatedListStore>(
    built: object_store::Result<S>,
    host: String,
    lacks: Option<&str>,
) -> Result<Bucket, String> {
    // The innermost error: what is around it names types of `object_store`.
    let store = Arc::new(built.map_err(|error| root_cause(&error))?);
    Ok(Bucket {
        store: Arc::clone(&store) as Arc<dyn ObjectStore>,
        pages: store,
        host,
        lacks: lacks.map(str::to_owned),
    })
}

/// An endpoint as `object_store` takes it.
fn address(endpoint: &Url) -> String {
    endpoint.as_str().trim_end_matches('/').to_owned()
}

/// Whether the URL names another endpoint than the environment does.
fn is_elsewhere(location: &ObjectLocation, own: Option<&str>) -> bool {
    let own = own.and_then(|own| Url::parse(own).ok());
    let named = location.endpoint.as_ref();
    named.is_some_and(|named| own.is_none_or(|own| address(&own) != address(named)))
}

/// The URLs that may receive the user's credentials: the endpoint, or without one the hosts
/// of the service; and the endpoints that the environment names.
fn audiences(
    (endpoint, service): (Option<&str>, &[&'static str]),
    others: &[Option<String>],
) -> Result<Vec<Audience>, String> {
    let origin = |text: &str| {
        let url = Url::parse(text).map_err(|error| format!("`{text}` is no URL: {error}"))?;
        Ok(Audience::Origin(url))
    };
    let own: Vec<Audience> = match endpoint {
        Some(endpoint) => vec![origin(endpoint)?],
        None => service.iter().copied().map(Audience::Service).collect(),
    };
    let others = others.iter().flatten().map(|text| origin(text));
    let others = others.collect::<Result<Vec<Audience>, String>>()?;
    Ok([own, others].concat())
}

/// Why nothing is signed, if so.
fn lacking(
    has_credentials: bool,
    may_not_have_them: bool,
    how: &'static str,
) -> Option<&'static str> {
    match (has_credentials, may_not_have_them) {
        (true, false) => None,
        (true, true) => Some(UNTRUSTED),
        (false, _) => Some(how),
    }
}

fn is_true(value: Option<String>) -> bool {
    value.is_some_and(|value| {
        matches!(
            value.to_ascii_lowercase().as_str(),
            "1" | "true" | "yes" | "on" | "y"
        )
    })
}

fn s3(
    location: &ObjectLocation,
    options: &HostOptions,
    requests: &Arc<Requests>,
) -> Result<Bucket, String> {
    use AmazonS3ConfigKey as Name;
    let variables = &options.variables;
    let profile = Profile::read(variables)?;
    let mut builder = AmazonS3Builder::new()
        .with_retry(no_retries())
        // One request each works everywhere, and there are never many.
        .with_disable_bulk_delete(true);
    for (name, value) in variables.with_prefix("AWS_") {
        let Ok(name) = name.to_ascii_lowercase().parse() else {
            continue;
        };
        // The address decides the first; the others are not for users to choose.
        let fixed = matches!(
            name,
            Name::Bucket | Name::ConditionalPut | Name::CopyIfNotExists | Name::Client(_)
        );
        if !fixed {
            builder = builder.with_config(name, value);
        }
    }
    let explicit = builder.get_config_value(&Name::AccessKeyId).is_some();
    let from_profile = [
        (Name::AccessKeyId, "aws_access_key_id", !explicit),
        (Name::SecretAccessKey, "aws_secret_access_key", !explicit),
        (Name::Token, "aws_session_token", !explicit),
        (Name::Region, "region", true),
        (Name::Endpoint, "endpoint_url", true),
    ];
    for (name, setting, wanted) in from_profile {
        let known = builder.get_config_value(&name).is_some();
        if let (Some(value), true, false) = (profile.get(setting), wanted, known) {
            builder = builder.with_config(name, value);
        }
    }
    let own = [&Name::S3Endpoint, &Name::Endpoint]
        .into_iter()
        .find_map(|name| builder.get_config_value(name));
    let endpoint = match (&location.endpoint, &location.account) {
        (Some(endpoint), _) => Some(address(endpoint)),
        (None, Some(account)) => Some(format!("https://{account}.r2.cloudflarestorage.com")),
        (None, None) => own.clone(),
    };
    if let Some(endpoint) = &endpoint {
        builder = builder.with_config(Name::S3Endpoint, endpoint);
    }
    let region = match location.provider {
        Provider::R2 => Some("auto"),
        _ => location.region.as_deref(),
    };
    if let Some(region) = region {
        builder = builder.with_region(region);
    }
    let named = |name: &Name| builder.get_config_value(name).is_some();
    let has_credentials = named(&Name::AccessKeyId)
        || (named(&Name::WebIdentityTokenFile) && named(&Name::RoleArn))
        || named(&Name::ContainerCredentialsRelativeUri)
        || (named(&Name::ContainerCredentialsFullUri)
            && named(&Name::ContainerAuthorizationTokenFile))
        || named(&Name::MetadataEndpoint);
    let is_unsigned = is_true(builder.get_config_value(&Name::SkipSignature));
    let unusable = profile.check_usable().err();
    let how = match unusable {
        // Variables are stronger than a profile.
        Some(error) if profile.is_chosen && !has_credentials && !is_unsigned => return Err(error),
        Some(_) => S3_LACKS_INDIRECT,
        None => S3_LACKS,
    };
    let elsewhere = is_elsewhere(location, own.as_deref());
    let has_credentials = has_credentials && !is_unsigned;
    let lacks = lacking(has_credentials, elsewhere && !location.trusted, how);
    let audiences = audiences(
        (endpoint.as_deref(), &["amazonaws.com"]),
        // Where a container's role is asked for, with a token of the container.
        &[builder.get_config_value(&Name::ContainerCredentialsFullUri)],
    )?;
    let host = format!(
        "{}/{}",
        endpoint.as_deref().unwrap_or("https://s3.amazonaws.com"),
        location.bucket
    );
    let built = builder
        .with_bucket_name(&location.bucket)
        .with_skip_signature(lacks.is_some())
        .with_http_connector(Connector::new(options, audiences, requests))
        .build();
    bucket(built, host, lacks)
}

fn gcs(
    location: &ObjectLocation,
    options: &HostOptions,
    requests: &Arc<Requests>,
) -> Result<Bucket, String> {
    use GoogleConfigKey as Name;
    let variables = &options.variables;
    let mut builder = GoogleCloudStorageBuilder::new().with_retry(no_retries());
    for (name, value) in variables.with_prefix("GOOGLE_") {
        let Ok(name) = name.to_ascii_lowercase().parse() else {
            continue;
        };
        if !matches!(name, Name::Bucket | Name::Client(_)) {
            builder = builder.with_config(name, value);
        }
    }
    let own = builder.get_config_value(&Name::BaseUrl);
    let elsewhere = is_elsewhere(location, own.as_deref());
    let endpoint = location.endpoint.as_ref().map(address).or(own);
    let audiences = audiences((endpoint.as_deref(), &["googleapis.com"]), &[])?;
    if let Some(endpoint) = &endpoint {
        builder = builder.with_base_url(endpoint);
    }
    // Named, so that `object_store` does not look for it in the environment of the process.
    let login = login_of(variables);
    if let Some(login) = &login
        && builder
            .get_config_value(&Name::ApplicationCredentials)
            .is_none()
    {
        builder = builder.with_application_credentials(login);
    }
    let named = |name: &Name| builder.get_config_value(name).is_some();
    let has_credentials = named(&Name::ServiceAccount)
        || named(&Name::ServiceAccountKey)
        || named(&Name::ApplicationCredentials)
        || named(&Name::BearerToken)
        || login.is_some();
    let has_credentials =
        has_credentials && !is_true(builder.get_config_value(&Name::SkipSignature));
    let lacks = lacking(has_credentials, elsewhere && !location.trusted, GCS_LACKS);
    let host = format!(
        "{}/{}",
        endpoint
            .as_deref()
            .unwrap_or("https://storage.googleapis.com"),
        location.bucket
    );
    let built = builder
        .with_bucket_name(&location.bucket)
        .with_skip_signature(lacks.is_some())
        .with_http_connector(Connector::new(options, audiences, requests))
        .build();
    bucket(built, host, lacks)
}

/// The file that `gcloud auth application-default login` leaves, if it did.
fn login_of(variables: &Variables) -> Option<String> {
    let place = match variables.get("APPDATA") {
        Some(folder) if cfg!(windows) => folder,
        _ => format!("{}/.config", variables.get("HOME")?),
    };
    let file = Path::new(&place).join("gcloud/application_default_credentials.json");
    file.is_file().then(|| file.display().to_string())
}

fn azure(
    location: &ObjectLocation,
    options: &HostOptions,
    requests: &Arc<Requests>,
) -> Result<Bucket, String> {
    use AzureConfigKey as Name;
    let variables = &options.variables;
    let mut builder = MicrosoftAzureBuilder::new().with_retry(no_retries());
    for (name, value) in variables.with_prefix("AZURE_") {
        // The name that Azure's own tools use.
        let name = match name.as_str() {
            "AZURE_STORAGE_ACCOUNT" => "azure_storage_account_name".to_owned(),
            "AZURE_STORAGE_KEY" => "azure_storage_account_key".to_owned(),
            name => name.to_ascii_lowercase(),
        };
        let Ok(name) = name.parse() else { continue };
        if !matches!(name, Name::ContainerName | Name::Client(_)) {
            builder = builder.with_config(name, value);
        }
    }
    let account = builder.get_config_value(&Name::AccountName);
    let own = builder.get_config_value(&Name::Endpoint);
    let elsewhere = is_elsewhere(location, own.as_deref());
    let endpoint = location.endpoint.as_ref().map(address).or(own);
    let audiences = audiences((endpoint.as_deref(), &AZURE), &[])?;
    let host = match (&endpoint, &account) {
        (Some(endpoint), _) => endpoint.clone(),
        (None, Some(account)) => format!("https://{account}.blob.core.windows.net"),
        (None, None) => {
            return Err(
                "set AZURE_STORAGE_ACCOUNT_NAME to the account that has the container".into(),
            );
        }
    };
    if let Some(endpoint) = endpoint {
        builder = builder.with_endpoint(endpoint);
    }
    if account.is_none() {
        // A reader of an endpoint needs none, but the name must not be empty.
        builder = builder.with_account("anonymous");
    }
    let named = |name: &Name| builder.get_config_value(name).is_some();
    let has_credentials = named(&Name::AccessKey)
        || named(&Name::SasKey)
        || named(&Name::Token)
        || (named(&Name::ClientId) && named(&Name::AuthorityId))
        || named(&Name::FederatedTokenFile)
        || named(&Name::MsiEndpoint)
        || named(&Name::UseAzureCli);
    let has_credentials =
        has_credentials && !is_true(builder.get_config_value(&Name::SkipSignature));
    let lacks = lacking(has_credentials, elsewhere && !location.trusted, AZURE_LACKS);
    let built = builder
        .with_container_name(&location.bucket)
        .with_skip_signature(lacks.is_some())
        .with_http_connector(Connector::new(options, audiences, requests))
        .build();
    bucket(built, format!("{host}/{}", location.bucket), lacks)
}

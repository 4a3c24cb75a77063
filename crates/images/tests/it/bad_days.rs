//! Registries that refuse, fail, stall, lie and break off. Each must give an error that says which registry, which
//! thing and what happened; or, where patience helps, the right bytes.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use images::{Digest, Options, RegistryReference};
use testkit::image::{TestImage, digest};
use wiremock::matchers::{header, method, path, path_regex, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::{image, impatient, layer, open, text, with_logins};

/// A server that has the image's documents, and this for everything else.
async fn server_with(image: &TestImage, layers: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    let manifest = ResponseTemplate::new(200).set_body_raw(image.manifest.clone(), testkit::image::MANIFEST_TYPE);
    Mock::given(path("/v2/app/manifests/1")).respond_with(manifest).mount(&server).await;
    let config = ResponseTemplate::new(200).set_body_bytes(image.config.clone());
    Mock::given(path(format!("/v2/app/blobs/{}", digest(&image.config)))).respond_with(config).mount(&server).await;
    Mock::given(path_regex("^/v2/app/blobs/")).respond_with(layers).with_priority(9).mount(&server).await;
    server
}

fn reference(server: &MockServer) -> String {
    format!("{}/app:1", server.address())
}

/// Opens something from a server that always answers this, and gives the error.
async fn refused(answer: ResponseTemplate, options: &Options) -> (String, Option<String>, usize) {
    let server = MockServer::start().await;
    Mock::given(method("GET")).respond_with(answer).mount(&server).await;
    let error = open(&reference(&server), options).await.unwrap_err();
    let text = text(&error);
    assert!(text.contains(&server.address().to_string()), "the registry is named: {text}");
    let requests = server.received_requests().await.unwrap().len();
    (text, error.hint(), requests)
}

#[tokio::test]
async fn refusals_say_what_the_registry_said() {
    let said = |status: u16| {
        let body = r#"{"errors":[{"code":"X","message":"the moon is full"}]}"#;
        ResponseTemplate::new(status).set_body_string(body)
    };
    for (answer, parts, tries) in [
        (said(401), vec!["refused the login (401) for manifest 1 of", "the moon is full"], 1),
        (said(403), vec!["denies (403) manifest 1 of", "the moon is full"], 1),
        (said(404), vec!["has no manifest 1 of", "(404)", "the moon is full"], 1),
        (said(418), vec!["answered 418 for manifest 1 of"], 1),
        (said(500), vec!["failed (500) on manifest 1 of", "the moon is full"], 4),
        (said(503), vec!["failed (503)"], 4),
        (said(429), vec!["asks to slow down (429)"], 4),
        (said(429).insert_header("Retry-After", "3600"), vec!["(429)", "for 3600 s"], 1),
    ] {
        let (text, _, requests) = refused(answer, &impatient()).await;
        for part in parts {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert_eq!(requests, tries, "{text}");
    }
}

#[tokio::test]
async fn odd_documents_are_refused() {
    let page = ResponseTemplate::new(200).set_body_raw("<html>please log in</html>", "text/html; charset=utf-8");
    let (text, hint, _) = refused(page, &impatient()).await;
    assert!(text.contains("answered \"text/html\" where manifest 1 of"), "{text}");
    assert!(hint.unwrap().contains("proxy"));

    let huge = ResponseTemplate::new(200).set_body_bytes(vec![b' '; (4 << 20) + 1]);
    assert!(refused(huge, &impatient()).await.0.contains("sends more than 4194304 bytes for manifest 1"));

    let lying = ResponseTemplate::new(200)
        .insert_header("Docker-Content-Digest", digest(b"other").as_str())
        .set_body_raw(image("linux/amd64").manifest, testkit::image::MANIFEST_TYPE);
    let (text, hint, _) = refused(lying, &impatient()).await;
    assert!(text.contains("which should be") && hint.unwrap().contains("cannot be trusted"), "{text}");

    let odd = ResponseTemplate::new(401).insert_header("WWW-Authenticate", "Negotiate");
    assert!(refused(odd, &impatient()).await.0.contains("unknown kind of login"));
}

#[tokio::test]
async fn a_short_slow_down_is_waited_for() {
    let image = image("linux/amd64");
    let server = server_with(&image, ResponseTemplate::new(404)).await;
    let slow = ResponseTemplate::new(429).insert_header("Retry-After", "1");
    Mock::given(path("/v2/app/manifests/1")).respond_with(slow).up_to_n_times(1).with_priority(1).mount(&server).await;
    let started = std::time::Instant::now();
    open(&reference(&server), &impatient()).await.unwrap();
    assert!(started.elapsed() >= Duration::from_secs(1), "it asked too early");
}

#[tokio::test]
async fn tokens_are_fetched_with_what_the_challenge_says() {
    let image = image("linux/amd64");
    let server = server_with(&image, ResponseTemplate::new(404)).await;
    let challenge =
        format!(r#"Bearer realm="{}/token",service="the service",scope="repository:app:pull""#, server.uri());
    let wants = ResponseTemplate::new(401).insert_header("WWW-Authenticate", challenge.as_str());
    Mock::given(path_regex("^/v2/")).respond_with(wants).with_priority(3).mount(&server).await;
    let manifest = ResponseTemplate::new(200).set_body_raw(image.manifest.clone(), testkit::image::MANIFEST_TYPE);
    let config = ResponseTemplate::new(200).set_body_bytes(image.config.clone());
    for (at, answer) in
        [("/v2/app/manifests/1".to_owned(), manifest), (format!("/v2/app/blobs/{}", digest(&image.config)), config)]
    {
        Mock::given(path(at))
            .and(header("Authorization", "Bearer t0ken"))
            .respond_with(answer)
            .with_priority(1)
            .mount(&server)
            .await;
    }
    let answer = |token: &str| ResponseTemplate::new(200).set_body_string(format!(r#"{{"access_token":"{token}"}}"#));
    // "me:secret"
    Mock::given(path("/token"))
        .and(method("GET"))
        .and(query_param("service", "the service"))
        .and(query_param("scope", "repository:app:pull"))
        .and(header("Authorization", "Basic bWU6c2VjcmV0"))
        .respond_with(answer("t0ken"))
        .mount(&server)
        .await;
    Mock::given(path("/token")).and(method("POST")).respond_with(answer("t0ken")).mount(&server).await;
    Mock::given(path("/token")).respond_with(answer("stranger")).with_priority(9).mount(&server).await;

    let host = server.address();
    for login in [r#""auth": "bWU6c2VjcmV0""#, r#""identitytoken": "refresh""#, r#""registrytoken": "t0ken""#] {
        let (_dir, options) = with_logins(&format!(r#"{{"auths": {{"{host}": {{{login}}}}}}}"#), impatient());
        open(&reference(&server), &options).await.unwrap_or_else(|error| panic!("{login}: {}", text(&error)));
    }
    let posted =
        server.received_requests().await.unwrap().into_iter().find(|request| request.method.as_str() == "POST");
    let body = String::from_utf8(posted.unwrap().body).unwrap();
    assert!(body.contains("grant_type=refresh_token") && body.contains("refresh_token=refresh"), "{body}");

    let error = open(&reference(&server), &impatient()).await.unwrap_err();
    assert!(error.to_string().contains("refused the login (401)"), "a stranger's token is not enough: {error}");
}

/// A registry that answers as Azure's do, by their published description: the exchange wants the access token, the token
/// service the refresh token that came of it.
async fn azure(realm_host: Option<&str>) -> MockServer {
    let image = image("linux/amd64");
    let server = server_with(&image, ResponseTemplate::new(404)).await;
    let host = realm_host.map_or_else(|| server.address().to_string(), str::to_owned);
    let challenge = format!(r#"Bearer realm="http://{host}/oauth2/token",service="acr",scope="repository:app:pull""#);
    let wants = ResponseTemplate::new(401).insert_header("WWW-Authenticate", challenge.as_str());
    Mock::given(path_regex("^/v2/")).respond_with(wants).with_priority(3).mount(&server).await;
    let manifest = ResponseTemplate::new(200).set_body_raw(image.manifest.clone(), testkit::image::MANIFEST_TYPE);
    let config = ResponseTemplate::new(200).set_body_bytes(image.config.clone());
    for (at, answer) in
        [("/v2/app/manifests/1".to_owned(), manifest), (format!("/v2/app/blobs/{}", digest(&image.config)), config)]
    {
        let with_token = Mock::given(path(at)).and(header("Authorization", "Bearer repository-token"));
        with_token.respond_with(answer).with_priority(1).mount(&server).await;
    }
    let form = |fields: &str, answer: &str| {
        let (fields, answer) = (fields.to_owned(), answer.to_owned());
        move |request: &wiremock::Request| {
            let body = String::from_utf8_lossy(&request.body).into_owned();
            let form =
                request.headers.get("content-type").is_some_and(|kind| kind == "application/x-www-form-urlencoded");
            if form && body == fields {
                ResponseTemplate::new(200).set_body_string(answer.clone())
            } else {
                ResponseTemplate::new(400).set_body_string(body)
            }
        }
    };
    let exchange = form(
        "grant_type=access_token&service=acr&tenant=contoso&access_token=entra+token",
        r#"{"refresh_token": "acr-refresh"}"#,
    );
    let token = form(
        "grant_type=refresh_token&service=acr&client_id=seawall&scope=repository%3Aapp%3Apull&refresh_token=acr-refresh",
        r#"{"access_token": "repository-token"}"#,
    );
    Mock::given(path("/oauth2/exchange")).and(method("POST")).respond_with(exchange).mount(&server).await;
    Mock::given(path("/oauth2/token")).and(method("POST")).respond_with(token).mount(&server).await;
    server
}

fn with_entra(token: &str, hosts: Vec<String>) -> images::Options {
    let entra = images::credentials::Entra { access_token: token.into(), tenant: Some("contoso".into()), hosts };
    let mut options = impatient();
    options.registry.credentials = images::Credentials::none().with_entra(entra);
    options
}

#[tokio::test]
async fn an_entra_token_is_exchanged_for_the_registrys_own() {
    let server = azure(None).await;
    let hosts = vec![server.address().to_string()];
    let options = with_entra("entra token", hosts.clone());
    open(&reference(&server), &options).await.unwrap_or_else(|error| panic!("{}", text(&error)));

    let error = open(&reference(&server), &with_entra("another", hosts)).await.unwrap_err();
    assert!(text(&error).contains("(exchange)") && text(&error).contains("it answered 400"), "{}", text(&error));

    // A registry that the token is not for does not see it.
    open(&reference(&server), &with_entra("entra token", vec![".azurecr.io".into()])).await.unwrap_err();
    let asked = server.received_requests().await.unwrap();
    assert_eq!(asked.iter().filter(|request| request.url.path() == "/oauth2/exchange").count(), 2);
}

#[tokio::test]
async fn an_entra_token_goes_to_no_other_host() {
    let server = azure(Some("other.example")).await;
    let options = with_entra("entra token", vec![server.address().to_string()]);
    let error = open(&reference(&server), &options).await.unwrap_err();
    assert!(text(&error).contains("on another host than the registry"), "{}", text(&error));
}

#[tokio::test]
async fn token_services_that_do_not_work_are_named() {
    for (token, part) in [
        (ResponseTemplate::new(500), "gave no token: it answered 500"),
        (ResponseTemplate::new(200).set_body_string("{}"), "its answer has no token"),
        (ResponseTemplate::new(200).set_body_string("x"), "its answer:"),
        (ResponseTemplate::new(200).set_body_bytes(vec![b' '; (256 << 10) + 1]), "larger than 262144 bytes"),
    ] {
        let server = MockServer::start().await;
        let challenge = format!(r#"Bearer realm="{}/token""#, server.uri());
        let wants = ResponseTemplate::new(401).insert_header("WWW-Authenticate", challenge.as_str());
        Mock::given(path_regex("^/v2/")).respond_with(wants).mount(&server).await;
        Mock::given(path("/token")).respond_with(token).mount(&server).await;
        let error = open(&reference(&server), &impatient()).await.unwrap_err();
        assert!(text(&error).contains(part), "{}", text(&error));
    }
}

#[tokio::test]
async fn layers_that_are_not_given_are_named() {
    let image = image("linux/amd64");
    let blob = &image.layers[0].blob;
    let mut flipped = blob.clone();
    flipped[20] ^= 1;
    for (answer, part) in [
        (ResponseTemplate::new(404), "has no blob sha256:"),
        (ResponseTemplate::new(500), "failed (500) on blob sha256:"),
        (ResponseTemplate::new(200).set_body_bytes(flipped), "changed on the way"),
        (ResponseTemplate::new(200).set_body_bytes(&blob[..20]), "announces 20 bytes for blob"),
        (ResponseTemplate::new(200).set_body_bytes([blob.as_slice(), b"x"].concat()), "its manifest says"),
    ] {
        let server = server_with(&image, answer).await;
        let opened = open(&reference(&server), &impatient()).await.unwrap();
        let (bytes, verdict) = layer(&opened.images[0], 0).await;
        assert!(bytes.is_err());
        let error = text(&verdict.unwrap_err());
        assert!(error.contains(part), "{part}: {error}");
    }
}

#[tokio::test]
async fn nobody_listens() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = open(&format!("{address}/app:1"), &impatient()).await.unwrap_err();
    assert!(text(&error).contains(&format!("no answer from {address} for manifest 1")), "{}", text(&error));
    assert!(error.hint().unwrap().contains("right host and port"));
}

/// A server on a thread: gets the lines of each request's head, does what it likes with the connection.
fn raw_server(mut serve: impl FnMut(usize, &[String], &mut TcpStream) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut open = Vec::new();
        for (number, stream) in listener.incoming().map_while(Result::ok).enumerate() {
            let mut stream = stream;
            let reader = BufReader::new(stream.try_clone().unwrap());
            let head: Vec<String> = reader.lines().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
            serve(number, &head, &mut stream);
            open.push(stream);
        }
    });
    address
}

async fn blob_from(
    address: SocketAddr,
    content: &[u8],
) -> (Result<Vec<u8>, String>, Result<images::Verified, images::BlobError>) {
    let reference: RegistryReference = format!("{address}/app:1").parse().unwrap();
    let session = images::registry::Session::new(&reference, &impatient().registry).unwrap();
    let blob = session.blob(&Digest::of(content), content.len() as u64);
    let bytes = tokio::task::spawn_blocking(move || {
        limits::read_capped(blob.reader, 64 << 20, "blob").map_err(|error| text(&error))
    });
    (bytes.await.unwrap(), blob.verdict.wait().await)
}

/// Content that differs everywhere, so that a wrong offset cannot go unnoticed.
fn content(length: u32) -> Vec<u8> {
    (0..length / 4).flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()).collect()
}

#[tokio::test]
async fn a_broken_connection_is_gone_on_with() {
    for ranges in [true, false] {
        let content = content(3 << 20);
        let body = content.clone();
        let asked: Arc<Mutex<Vec<Option<String>>>> = Arc::default();
        let log = Arc::clone(&asked);
        let address = raw_server(move |number, head, stream| {
            let range =
                head.iter().find_map(|line| line.to_ascii_lowercase().strip_prefix("range: ").map(str::to_owned));
            log.lock().unwrap().push(range.clone());
            let offset = range.and_then(|range| range["bytes=".len()..].trim_end_matches('-').parse().ok());
            let offset: usize = offset.filter(|_| ranges).unwrap_or(0);
            let status = if offset > 0 { "206 Partial Content" } else { "200 OK" };
            let rest = &body[offset..];
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", rest.len());
            // The first two connections break; the last goes through.
            let sent = if number < 2 { rest.len().min(900_000 * (number + 1)) } else { rest.len() };
            drop(stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&rest[..sent])));
            drop(stream.shutdown(std::net::Shutdown::Both));
        });
        let (bytes, verdict) = blob_from(address, &content).await;
        assert_eq!(verdict.unwrap().size_bytes, content.len() as u64, "ranges: {ranges}");
        assert!(bytes.unwrap() == content, "ranges: {ranges}");
        let asked = asked.lock().unwrap();
        assert!(asked[0].is_none() && asked[1].is_some(), "{asked:?}");
    }
}

#[tokio::test]
async fn a_connection_that_always_breaks_is_given_up() {
    let body = content(1 << 16);
    let wanted = body.clone();
    let address = raw_server(move |_, _, stream| {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
        drop(stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body[..1000])));
        drop(stream.shutdown(std::net::Shutdown::Both));
    });
    let (bytes, verdict) = blob_from(address, &wanted).await;
    assert!(bytes.is_err());
    let error = text(&verdict.unwrap_err());
    assert!(error.contains("broke off blob sha256:") && error.contains("after 1000 bytes"), "{error}");
}

#[tokio::test]
async fn silence_is_a_stall() {
    let body = content(1 << 16);
    let wanted = body.clone();
    // Half of the body, then nothing; the connection stays open in the server's list.
    let address = raw_server(move |_, _, stream| {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        drop(stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body[..1000])));
    });
    let (_, verdict) = blob_from(address, &wanted).await;
    let error = text(&verdict.unwrap_err());
    assert!(error.contains("sent nothing for") && error.contains("blob sha256:"), "{error}");

    let address = raw_server(|_, _, _| {});
    let error = open(&format!("{address}/app:1"), &impatient()).await.unwrap_err();
    assert!(text(&error).contains("sent nothing for") && text(&error).contains("manifest 1"), "{}", text(&error));
}

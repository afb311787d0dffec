//! What a customer's back end does, through the official Rust SDK.
use std::{env, error::Error, time::Duration};

use svix::api::{ApplicationIn, EndpointIn, MessageIn, Svix, SvixOptions};
use svix::webhooks::Webhook;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let options = SvixOptions { server_url: Some(env::var("SERVER_URL")?), ..Default::default() };
    let svix = Svix::new(env::var("TOKEN")?, Some(options));
    let uid = || "rust".to_string();
    let app = svix.application().create(ApplicationIn { uid: Some(uid()), ..ApplicationIn::new("Rust".into()) }, None).await?;
    assert_eq!(svix.application().get(uid()).await?.id, app.id);
    assert!(svix.application().list(None).await?.data.iter().any(|each| each.id == app.id));

    let wanted = EndpointIn { uid: Some("main".into()), ..EndpointIn::new(env::var("RECEIVER_URL")?) };
    let endpoint = svix.endpoint().create(uid(), wanted, None).await?;
    Webhook::new(&svix.endpoint().get_secret(uid(), "main".into()).await?.key)?;
    let sent = MessageIn { event_id: Some("one".into()), ..MessageIn::new("rust.sent".into(), serde_json::json!({ "n": 1 })) };
    let message = svix.message().create(uid(), sent, None).await?;
    assert_eq!(svix.message().get(uid(), "one".into(), None).await?.id, message.id);

    let mut attempts = vec![];
    for _ in 0..200 {
        attempts = svix.message_attempt().list_by_msg(uid(), message.id.clone(), None).await?.data;
        if !attempts.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(attempts.iter().map(|attempt| &attempt.endpoint_id).collect::<Vec<_>>(), [&endpoint.id]);
    svix.message_attempt().resend(uid(), message.id, "main".into(), None).await?;
    svix.endpoint().delete(uid(), "main".into()).await?;
    svix.application().delete(uid()).await?;
    Ok(())
}

//! Pages and health, on app's queries.
//!
//! *Owns* what is served over HTTP. *May import* `domain`, `app`, `report`. *Start reading* at [`serve`].
//!
//! Deliberately absent: any change of a request, and TLS (a reverse proxy's work).

use std::future::Future;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;

use crate::app::Store;

/// Names the loops that make no progress.
pub type Stuck = Arc<dyn Fn() -> Vec<String> + Send + Sync>;

#[derive(Clone)]
struct Site {
    store: Store,
    stuck: Stuck,
}

/// Serves until `stop` ends: `/health` says 200 while every loop makes progress and the database answers; `/metrics`
/// gives operational figures in Prometheus's text format.
pub async fn serve(
    listener: tokio::net::TcpListener,
    store: Store,
    stuck: Stuck,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let site = Site { store, stuck };
    let router = Router::new().route("/health", get(health)).route("/metrics", get(metrics)).with_state(site);
    axum::serve(listener, router).with_graceful_shutdown(stop).await
}

async fn health(State(site): State<Site>) -> (StatusCode, String) {
    let stuck = (site.stuck)();
    if !stuck.is_empty() {
        return (StatusCode::SERVICE_UNAVAILABLE, format!("no progress: {}\n", stuck.join(", ")));
    }
    match site.store.head().await {
        Ok(head) => (StatusCode::OK, format!("ok, ledger at entry {}\n", head.seq)),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")),
    }
}

async fn metrics(State(site): State<Site>) -> (StatusCode, String) {
    let (head, queue) = match (site.store.head().await, site.store.queue_state().await) {
        (Ok(head), Ok(queue)) => (head, queue),
        (Err(error), _) | (_, Err(error)) => return (StatusCode::SERVICE_UNAVAILABLE, format!("# {error}\n")),
    };
    let mut text =
        String::from("# TYPE vigie_ledger_entries counter\n# TYPE vigie_mails gauge\n# TYPE vigie_stuck_loops gauge\n");
    text.push_str(&format!("vigie_ledger_entries {}\n", head.seq));
    for (state, count) in [
        ("pending", queue.pending),
        ("sending", queue.sending),
        ("held", queue.held),
        ("unknown", queue.unknown),
        ("refused", queue.refused),
    ] {
        text.push_str(&format!("vigie_mails{{state=\"{state}\"}} {count}\n"));
    }
    text.push_str(&format!("vigie_stuck_loops {}\n", (site.stuck)().len()));
    (StatusCode::OK, text)
}

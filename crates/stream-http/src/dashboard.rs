//! `GET /`: one page, without a build step, fed by the public routes alone.

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};

use crate::app::App;

/// Nothing from anywhere else, no script but ours, and no page around it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

/// The page and its parts.
pub(crate) fn router() -> Router<App> {
    let parts = [
        ("/", "text/html; charset=utf-8", include_str!("../assets/index.html")),
        ("/dashboard/app.js", "text/javascript", include_str!("../assets/app.js")),
        ("/dashboard/style.css", "text/css", include_str!("../assets/style.css")),
        (
            "/dashboard/uPlot.js",
            "text/javascript",
            include_str!("../assets/vendor/uPlot.iife.min.js"),
        ),
        ("/dashboard/uPlot.css", "text/css", include_str!("../assets/vendor/uPlot.min.css")),
    ];
    parts.into_iter().fold(Router::new(), |router, (path, content_type, text)| {
        router.route(path, get(async move || part(content_type, text)))
    })
}

fn part(content_type: &'static str, text: &'static str) -> Response {
    let headers = [
        (CONTENT_TYPE, content_type),
        (CACHE_CONTROL, "no-cache"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, text).into_response()
}

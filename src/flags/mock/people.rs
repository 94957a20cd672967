//! Who uses the account: one member, who owns everything, and no team.
//!
//! Source: `/api/v2/caller-identity`, `/api/v2/members` and `/api/v2/teams` of LaunchDarkly's REST
//! interface.
//!
//! Does not know: which keys are accepted.

use serde_json::{Value, json};

use super::account::Account;
use super::router::{ok, page, unknown};
use crate::context::KEY_EPOCH;
use crate::flags::api::{ApiError, ApiReply, HttpMethod, Request};

/// The member's id.
pub const MEMBER: &str = "simlab";

impl Account {
    /// Answers what is asked of the account's people.
    pub(super) fn people_request(
        &self,
        parts: &[&str],
        request: &Request,
    ) -> Result<ApiReply, ApiError> {
        if request.method != HttpMethod::Get {
            return Err(ApiError::method_not_allowed());
        }
        match parts {
            ["caller-identity"] => ok(json!({
                "accountId": self.ids.hex("account", 24),
                "authKind": "token",
                "tokenKind": "auth",
                "tokenName": "simlab",
                "tokenId": self.ids.hex("token", 24),
                "memberId": MEMBER,
                "serviceToken": false,
                "scopes": [],
            })),
            ["members"] => ok(page([member()], request, "totalCount")),
            ["members", "me" | MEMBER] => ok(member()),
            ["members", other] => Err(ApiError::not_found("member", other)),
            ["teams"] => ok(page(std::iter::empty(), request, "totalCount")),
            ["teams", other] => Err(ApiError::not_found("team", other)),
            _ => Err(unknown(request)),
        }
    }
}

fn member() -> Value {
    let since = u64::from(KEY_EPOCH) * 1000;
    let href = format!("/api/v2/members/{MEMBER}");
    json!({
        "_links": { "self": { "href": href, "type": "application/json" } },
        "_id": MEMBER,
        "firstName": "Sim",
        "lastName": "Lab",
        "role": "owner",
        "email": "simlab@example.com",
        "_pendingInvite": false,
        "_verified": true,
        "customRoles": [],
        "mfa": "disabled",
        "_lastSeen": since,
        "creationDate": since,
    })
}

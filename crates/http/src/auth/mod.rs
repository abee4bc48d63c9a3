//! Authentication: tokens with scopes, and the scope of clients without one.

mod refusal_log;
pub mod scope;
pub(crate) mod throttle;
mod token;
mod tokens;

use std::sync::Arc;

use hyper::HeaderMap;
use tokio::sync::watch;

pub(crate) use refusal_log::RefusalLog;
pub use scope::Scope;
use token::Credential;
pub use token::Token;
pub use tokens::{TokenEntry, Tokens, TokensError};

/// Name of the token that comes from the environment.
const ENVIRONMENT_TOKEN: &str = "TOKEN";

/// Access without a token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Anonymous {
    /// Not configured: no access if there are tokens, full access if there are none.
    #[default]
    Unsaid,
    /// No access.
    Nothing,
    /// Access with this scope.
    Sees(Scope),
}

/// Tokens and anonymous access, as configured.
#[derive(Clone, Debug, Default)]
pub struct AuthConfig {
    /// A token with full access.
    pub token: Option<Token>,
    /// Further tokens, which can change; a removed one ends the streams that it opened.
    pub tokens: Option<watch::Receiver<Arc<Tokens>>>,
    /// Access without a token.
    pub anonymous: Anonymous,
}

/// Checks tokens.
#[derive(Debug)]
pub struct Authenticator {
    own: Option<Arc<TokenEntry>>,
    file: Option<watch::Receiver<Arc<Tokens>>>,
    anonymous: Option<Scope>,
}

/// The authenticated client.
#[derive(Debug)]
pub enum Principal {
    /// A client with this token.
    Token(Arc<TokenEntry>),
    /// A client without a token, where anonymous access is allowed.
    Anonymous(Scope),
    /// A client with a wrong token, where one is required.
    WrongToken,
    /// A client without a token, where one is required.
    NoToken,
}

impl Authenticator {
    /// An authenticator with this configuration.
    #[must_use]
    pub fn new(config: AuthConfig) -> Self {
        let AuthConfig { token, tokens: file, anonymous } = config;
        let own = token.map(|token| Arc::new(TokenEntry { name: ENVIRONMENT_TOKEN.into(), scope: Scope::Read, token }));
        let anonymous = match anonymous {
            Anonymous::Unsaid => (own.is_none() && file.is_none()).then_some(Scope::Read),
            Anonymous::Nothing => None,
            Anonymous::Sees(scope) => Some(scope),
        };
        Self { own, file, anonymous }
    }

    /// True if any token is configured.
    pub(crate) const fn has_tokens(&self) -> bool {
        self.own.is_some() || self.file.is_some()
    }

    /// True if clients without a token do not have full access.
    #[must_use]
    pub fn is_restricted(&self) -> bool {
        self.anonymous != Some(Scope::Read)
    }

    /// Authenticates the client by its headers.
    pub(crate) fn authenticate(&self, headers: &HeaderMap) -> Principal {
        let credential = if self.has_tokens() { Credential::read(headers) } else { None };
        match (credential, self.anonymous) {
            (Some(credential), _) => self.find(&credential).map_or(Principal::WrongToken, Principal::Token),
            (None, Some(scope)) => Principal::Anonymous(scope),
            (None, None) => Principal::NoToken,
        }
    }

    fn find(&self, credential: &Credential<'_>) -> Option<Arc<TokenEntry>> {
        // Both are compared in any case, so that the time does not depend on which one matches.
        let own = self.own.as_ref().filter(|own| own.token.matches(credential)).map(Arc::clone);
        let listed = self.file.as_ref().and_then(|file| file.borrow().find(credential).map(Arc::clone));
        own.or(listed)
    }

    /// Watches for the revocation of a client's token.
    #[must_use]
    pub fn revocation(&self, principal: &Principal) -> Revocation {
        match (principal, &self.file) {
            (Principal::Token(token), Some(file)) if !self.own.as_ref().is_some_and(|own| Arc::ptr_eq(own, token)) => {
                Revocation(Some((Arc::clone(token), file.clone())))
            }
            _ => Revocation(None),
        }
    }

    /// True if a text contains one of the tokens.
    pub(crate) fn contained_in(&self, text: &[u8]) -> bool {
        self.own.as_ref().is_some_and(|own| own.token.contained_in(text))
            || self.file.as_ref().is_some_and(|file| file.borrow().any_in(text))
    }
}

/// A watch on the token of a client.
#[derive(Debug)]
pub struct Revocation(Option<(Arc<TokenEntry>, watch::Receiver<Arc<Tokens>>)>);

impl Revocation {
    /// A watch that never resolves.
    #[must_use]
    pub const fn never() -> Self {
        Self(None)
    }

    /// Resolves when the token is revoked or its scope changes.
    pub async fn revoked(&mut self) {
        if let Some((token, file)) = &mut self.0
            && file.wait_for(|tokens| !tokens.has(token)).await.is_ok()
        {
            return;
        }
        // A token from the environment, or from a file that is no longer watched, stays valid.
        std::future::pending::<()>().await;
    }
}

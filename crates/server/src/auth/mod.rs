//! Who may read, and what: tokens with scopes, and what is seen without one.

mod pace;
pub(crate) mod scope;
mod token;
mod tokens;

use std::sync::Arc;

use hyper::HeaderMap;
use tokio::sync::watch;

use crate::{auth::scope::Scope, config::ServerConfig};
pub(crate) use pace::{Pace, Place, Refusal, WAIT};
use token::Presented;
pub use token::Token;
pub(crate) use tokens::Named;
pub use tokens::{Tokens, TokensError};

/// The name of the one token that comes from the environment.
const OWN: &str = "TOKEN";

/// What is seen without a token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Anonymous {
    /// The administrator has not said: nothing where there are tokens, everything where there are none.
    #[default]
    Unsaid,
    /// Nothing.
    Nothing,
    /// That.
    Sees(Scope),
}

/// Lets readers in.
#[derive(Debug)]
pub(crate) struct Gate {
    own: Option<Arc<Named>>,
    file: Option<watch::Receiver<Arc<Tokens>>>,
    anonymous: Option<Scope>,
}

/// Who asks.
#[derive(Debug)]
pub(crate) enum Reader {
    /// Whoever has this token.
    Known(Arc<Named>),
    /// Whoever comes without one, where he may.
    Anonymous(Scope),
    /// Whoever presents a wrong token, where one is wanted.
    Wrong,
    /// Whoever presents none, where one is wanted.
    Stranger,
}

impl Gate {
    pub(crate) fn new(config: &ServerConfig) -> Self {
        let own = config.token.clone().map(|token| Arc::new(Named { name: OWN.into(), scope: Scope::Read, token }));
        let file = config.tokens.clone();
        let anonymous = match config.anonymous {
            Anonymous::Unsaid => (own.is_none() && file.is_none()).then_some(Scope::Read),
            Anonymous::Nothing => None,
            Anonymous::Sees(scope) => Some(scope),
        };
        Self { own, file, anonymous }
    }

    /// Whether there are tokens at all.
    pub(crate) const fn has_tokens(&self) -> bool {
        self.own.is_some() || self.file.is_some()
    }

    /// Whether not everything is seen without a token.
    pub(crate) fn is_shut(&self) -> bool {
        self.anonymous != Some(Scope::Read)
    }

    /// Who asks with these headers.
    pub(crate) fn admit(&self, headers: &HeaderMap) -> Reader {
        let presented = if self.has_tokens() { Presented::by(headers) } else { None };
        match (presented, self.anonymous) {
            (Some(presented), _) => self.find(&presented).map_or(Reader::Wrong, Reader::Known),
            (None, Some(scope)) => Reader::Anonymous(scope),
            (None, None) => Reader::Stranger,
        }
    }

    fn find(&self, presented: &Presented<'_>) -> Option<Arc<Named>> {
        // Both are looked at, whichever it is.
        let own = self.own.as_ref().filter(|own| own.token.is(presented)).map(Arc::clone);
        let listed = self.file.as_ref().and_then(|file| file.borrow().find(presented).map(Arc::clone));
        own.or(listed)
    }

    /// To be told when a reader's token is no longer one.
    pub(crate) fn leave(&self, reader: &Reader) -> Leave {
        match (reader, &self.file) {
            (Reader::Known(token), Some(file)) if !self.own.as_ref().is_some_and(|own| Arc::ptr_eq(own, token)) => {
                Leave(Some((Arc::clone(token), file.clone())))
            }
            _ => Leave(None),
        }
    }

    /// Whether one of the tokens stands in a text.
    pub(crate) fn stands_in(&self, text: &[u8]) -> bool {
        self.own.as_ref().is_some_and(|own| own.token.stands_in(text))
            || self.file.as_ref().is_some_and(|file| file.borrow().any_in(text))
    }
}

/// A reader's leave to stay.
#[derive(Debug)]
pub(crate) struct Leave(Option<(Arc<Named>, watch::Receiver<Arc<Tokens>>)>);

impl Leave {
    /// That of everybody.
    pub(crate) const fn always() -> Self {
        Self(None)
    }

    /// Until his token is removed, or opens something else.
    pub(crate) async fn ends(&mut self) {
        if let Some((token, file)) = &mut self.0
            && file.wait_for(|tokens| !tokens.has(token)).await.is_ok()
        {
            return;
        }
        // A token that is in no file, or in one that nobody reads any more, stays.
        std::future::pending::<()>().await;
    }
}

//! Whose a tuple is: the customer's, somebody else's, or contradictory.
//!
//! A value is in scope only if nothing in its tuple contradicts it. An id beats a name; a display
//! name never establishes scope; an address the request does not list says nothing against the user
//! it stands beside. A contradiction makes the whole tuple foreign.

use crate::identity::Ident;
use crate::scope::{Match, ScopeIndex};

/// What a tuple is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Standing {
    /// Something says that it is in scope, something that it is not.
    Conflict,
    /// Nothing says that it is in scope.
    Foreign,
    /// In scope.
    Inside,
}

#[derive(Default)]
struct Claims {
    inside: bool,
    outside: bool,
}

impl Claims {
    fn standing(&self) -> Standing {
        match (self.inside, self.outside) {
            (true, false) => Standing::Inside,
            (true, true) => Standing::Conflict,
            (false, _) => Standing::Foreign,
        }
    }
}

/// The standing of the members of one tuple (sorted, without duplicates) at an instant. `linked` says
/// whether an id that the request does not list is in scope by its pairings.
pub(crate) fn of_tuple(
    members: &[&Ident],
    scope: &ScopeIndex,
    ns: i64,
    linked: impl Fn(&Ident) -> bool,
) -> Standing {
    let is_user = |ident: &&Ident| {
        matches!(
            ident,
            Ident::User(_) | Ident::UserId(_) | Ident::Email(_) | Ident::Name(_)
        )
    };
    // Beside a user a place says nothing.
    if members.iter().any(is_user) {
        of_user(members, scope, ns, linked)
    } else {
        of_place(members, scope, ns, linked)
    }
}

fn of_user(members: &[&Ident], scope: &ScopeIndex, ns: i64, linked: impl Fn(&Ident) -> bool) -> Standing {
    let mut claims = Claims::default();
    let mut owner: Option<usize> = None;
    let mut same = |index: usize, claims: &mut Claims| match owner {
        Some(other) if other != index => claims.outside = true,
        _ => owner = Some(index),
    };
    let ids = || {
        members.iter().filter_map(|ident| {
            if let Ident::UserId(id) = ident {
                Some(*id)
            } else {
                None
            }
        })
    };
    for ident in members {
        match ident {
            Ident::UserId(id) => match scope.user_id(*id, ns) {
                Match::Entry { index, .. } => {
                    claims.inside = true;
                    same(index, &mut claims);
                }
                Match::Outside if linked(ident) => claims.inside = true,
                Match::Outside => claims.outside = true,
            },
            Ident::User(name) => match scope.username(name, ns) {
                Match::Entry { id: Some(id), .. } if ids().any(|other| other != id) => {
                    claims.inside = true;
                    claims.outside = true;
                }
                Match::Entry { index, .. } => {
                    claims.inside = true;
                    same(index, &mut claims);
                }
                Match::Outside if ids().any(|id| scope.is_nameless_user(id, ns)) => {}
                Match::Outside => claims.outside = true,
            },
            Ident::Email(email) => {
                if let Match::Entry { index, id } = scope.email(email, ns) {
                    claims.inside = true;
                    claims.outside |= id.is_some_and(|id| ids().any(|other| other != id));
                    same(index, &mut claims);
                }
            }
            _ => {}
        }
    }
    claims.standing()
}

fn of_place(members: &[&Ident], scope: &ScopeIndex, ns: i64, linked: impl Fn(&Ident) -> bool) -> Standing {
    let mut claims = Claims::default();
    let ids = || {
        members.iter().filter_map(|ident| match ident {
            Ident::ProjectId(id) | Ident::NamespaceId(id) => Some(*id),
            _ => None,
        })
    };
    let has_path = members.iter().any(|ident| matches!(ident, Ident::Path(_)));
    for ident in members {
        let listed = match ident {
            Ident::Path(path) => match scope.path(path, ns) {
                Match::Entry { id: Some(id), .. } if ids().any(|other| other != id) => {
                    claims.outside = true;
                    true
                }
                found => found.is_inside(),
            },
            Ident::ProjectId(id) => scope.project_id(*id, ns).is_inside(),
            Ident::NamespaceId(id) => scope.namespace_id(*id, ns).is_inside(),
            _ => continue,
        };
        let is_path = matches!(ident, Ident::Path(_));
        claims.inside |= listed || linked(ident);
        // An id that nothing is known of says nothing against the path beside it.
        claims.outside |= !listed && (is_path && !ids().any(|id| scope.is_pathless_project(id, ns)));
    }
    if !has_path && !claims.inside {
        return Standing::Foreign;
    }
    claims.standing()
}

/// Whether the names in a tuple show an unlisted id as in scope (`Some(true)`), as not (`Some(false)`),
/// or say nothing of it.
pub(crate) fn pairing(members: &[&Ident], of: &Ident, scope: &ScopeIndex, ns: i64) -> Option<bool> {
    let (own, same_kind): (u64, fn(&Ident) -> Option<u64>) = match of {
        Ident::UserId(id) => (*id, |ident| {
            if let Ident::UserId(id) = ident {
                Some(*id)
            } else {
                None
            }
        }),
        Ident::ProjectId(id) => (*id, |ident| {
            if let Ident::ProjectId(id) = ident {
                Some(*id)
            } else {
                None
            }
        }),
        Ident::NamespaceId(id) => (*id, |ident| {
            if let Ident::NamespaceId(id) = ident {
                Some(*id)
            } else {
                None
            }
        }),
        _ => return None,
    };
    let ambiguous = members
        .iter()
        .filter_map(|ident| same_kind(ident))
        .any(|id| id != own);
    let is_user = matches!(of, Ident::UserId(_));
    let mut said = None;
    for ident in members {
        let found = match ident {
            Ident::User(name) if is_user => scope.username(name, ns),
            Ident::Email(email) if is_user => scope.email(email, ns),
            Ident::Path(path) if !is_user => scope.path(path, ns),
            _ => continue,
        };
        let inside = match found {
            Match::Entry { id, .. } => id.is_none_or(|id| id == own),
            Match::Outside => false,
        };
        said = Some(said.unwrap_or(true) && inside && !ambiguous);
    }
    said
}

#[cfg(test)]
mod tests {
    use decostop_profile::{NamespaceScope, ProjectScope, Scope, UserScope};

    use super::*;

    fn scope() -> ScopeIndex {
        ScopeIndex::new(&Scope {
            namespaces: vec![NamespaceScope {
                path: "acme".into(),
                id: Some(7),
                ..NamespaceScope::default()
            }],
            projects: vec![ProjectScope {
                path: "acme/app".into(),
                id: Some(51),
                ..ProjectScope::default()
            }],
            users: vec![
                UserScope {
                    username: "alice".into(),
                    id: Some(1),
                    ..UserScope::default()
                },
                UserScope {
                    username: "bea".into(),
                    ..UserScope::default()
                },
                UserScope {
                    id: Some(3),
                    ..UserScope::default()
                },
            ],
        })
        .expect("a sound scope")
    }

    fn standing(members: &[Ident]) -> Standing {
        let members: Vec<&Ident> = members.iter().collect();
        of_tuple(&members, &scope(), 0, |ident| {
            *ident == Ident::UserId(2) || *ident == Ident::ProjectId(52)
        })
    }

    fn user(name: &str) -> Ident {
        Ident::User(name.into())
    }

    #[test]
    fn an_id_beats_a_name_and_a_contradiction_is_foreign() {
        assert_eq!(standing(&[user("alice"), Ident::UserId(1)]), Standing::Inside);
        assert_eq!(standing(&[user("alice")]), Standing::Inside);
        assert_eq!(standing(&[user("alice"), Ident::UserId(9)]), Standing::Conflict);
        assert_eq!(standing(&[user("mallory"), Ident::UserId(1)]), Standing::Conflict);
        assert_eq!(standing(&[user("mallory"), Ident::UserId(9)]), Standing::Foreign);
        assert_eq!(
            standing(&[user("bea"), Ident::UserId(2)]),
            Standing::Inside,
            "linked"
        );
        assert_eq!(
            standing(&[user("bea"), Ident::UserId(8)]),
            Standing::Conflict,
            "not linked"
        );
        assert_eq!(
            standing(&[user("whoever"), Ident::UserId(3)]),
            Standing::Inside,
            "the request lists the id alone"
        );
        assert_eq!(
            standing(&[user("alice"), user("bea")]),
            Standing::Conflict,
            "two people"
        );
    }

    #[test]
    fn a_display_name_never_establishes_scope() {
        assert_eq!(standing(&[Ident::Name("alice abbott".into())]), Standing::Foreign);
        assert_eq!(
            standing(&[Ident::Name("anyone".into()), Ident::UserId(1)]),
            Standing::Inside
        );
    }

    #[test]
    fn places() {
        let path = |text: &str| Ident::Path(text.into());
        assert_eq!(
            standing(&[path("acme/app"), Ident::ProjectId(51)]),
            Standing::Inside
        );
        assert_eq!(
            standing(&[path("acme/app"), Ident::ProjectId(99)]),
            Standing::Conflict
        );
        assert_eq!(
            standing(&[path("acme/new"), Ident::ProjectId(99)]),
            Standing::Inside
        );
        assert_eq!(
            standing(&[path("other/app"), Ident::ProjectId(51)]),
            Standing::Conflict
        );
        assert_eq!(standing(&[Ident::ProjectId(52)]), Standing::Inside);
        assert_eq!(standing(&[Ident::ProjectId(53)]), Standing::Foreign);
        assert_eq!(standing(&[path("other/app")]), Standing::Foreign);
    }

    #[test]
    fn pairings() {
        let scope = scope();
        let say = |members: &[Ident], of: &Ident| pairing(&members.iter().collect::<Vec<_>>(), of, &scope, 0);
        assert_eq!(
            say(
                &[Ident::Path("acme/x".into()), Ident::ProjectId(60)],
                &Ident::ProjectId(60)
            ),
            Some(true)
        );
        assert_eq!(
            say(
                &[Ident::Path("acme/app".into()), Ident::ProjectId(60)],
                &Ident::ProjectId(60)
            ),
            Some(false)
        );
        assert_eq!(
            say(
                &[Ident::Path("other".into()), Ident::ProjectId(60)],
                &Ident::ProjectId(60)
            ),
            Some(false)
        );
        assert_eq!(say(&[Ident::ProjectId(60)], &Ident::ProjectId(60)), None);
        assert_eq!(
            say(&[user("bea"), Ident::UserId(2)], &Ident::UserId(2)),
            Some(true)
        );
    }
}

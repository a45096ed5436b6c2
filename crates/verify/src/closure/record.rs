//! One record: the order of its columns, the names of its fields, and what depends on siblings.

use std::collections::HashMap;

use decostop_profile::{Class, ClassRule, FieldSpec, Kind as TupleKind, Profile, Role, Source};
use foldhash::fast::RandomState;

use super::value::{Input, looks_like_pseudonym};
use super::{Broken, Context, Residue};
use crate::instant::Instant;
use crate::leak::{Leak, Place};
use crate::owned::When;
use crate::reader::{Field, Scalar};
use crate::verifier::Verifier;

/// The common columns, in order.
const COLUMNS: [&str; 9] = [
    "time",
    "source",
    "event",
    "actor",
    "namespace",
    "project",
    "ip",
    "status",
    "correlation_id",
];

/// What the verifier needs to know of one source.
pub(crate) struct SourcePlan {
    name: Box<str>,
    fields: HashMap<Box<str>, FieldSpec, RandomState>,
    /// For each common column, the fields that may supply it.
    suppliers: [(&'static str, Vec<Box<str>>); 6],
    /// Fields of impersonators.
    impersonators: Vec<Box<str>>,
    /// Fields that speak of a user, with the tuples they are in.
    people: HashMap<Box<str>, (Vec<usize>, FieldSpec), RandomState>,
    /// Whether some event expression uses no closed field, so that raw events have a grammar.
    open_event: bool,
}

/// What a name in a record stands for.
enum Named<'p> {
    Own(&'p FieldSpec),
    Param(Class),
    UnlistedParams,
}

impl SourcePlan {
    pub(crate) fn new(source: &Source) -> Self {
        let boxed = |names: &[String]| {
            names
                .iter()
                .map(|name| Box::from(name.as_str()))
                .collect::<Vec<Box<str>>>()
        };
        let columns = &source.columns;
        // A route is told by its text in the profile, which is a list as well.
        let is_closed = |expression: &str| {
            expression.contains("|route}")
                || source
                    .fields
                    .iter()
                    .any(|(name, spec)| spec.closed && expression.contains(&format!("{{{name}}}")))
        };
        let mut people: HashMap<Box<str>, (Vec<usize>, FieldSpec), RandomState> = HashMap::default();
        for (nth, tuple) in source
            .tuples
            .iter()
            .enumerate()
            .filter(|(_, tuple)| tuple.kind == TupleKind::User)
        {
            for name in &tuple.fields {
                if let Some(spec) = source.fields.get(name) {
                    let entry = people
                        .entry(name.as_str().into())
                        .or_insert_with(|| (Vec::new(), spec.clone()));
                    entry.0.push(nth);
                }
            }
        }
        Self {
            name: source.name.as_str().into(),
            fields: source
                .fields
                .iter()
                .map(|(name, spec)| (name.as_str().into(), spec.clone()))
                .collect(),
            suppliers: [
                ("actor", boxed(&columns.actor)),
                ("namespace", boxed(&columns.namespace)),
                ("project", boxed(&columns.project)),
                ("ip", boxed(&columns.ip)),
                ("status", boxed(&columns.status)),
                ("correlation_id", boxed(&columns.correlation_id)),
            ],
            impersonators: source
                .tuples
                .iter()
                .filter(|tuple| tuple.role == Role::Impersonator)
                .flat_map(|tuple| boxed(&tuple.fields))
                .collect(),
            people,
            open_event: source.event.iter().any(|expression| !is_closed(expression)),
        }
    }

    /// The fields that may supply a common column.
    fn suppliers(&self, column: &str) -> &[Box<str>] {
        let mut columns = self.suppliers.iter();
        let found = columns.find(|(name, _)| *name == column);
        found.map(|(_, names)| names.as_slice()).unwrap_or_default()
    }

    /// A field's name behind the source's, as it is written where it would be that of a column.
    fn unprefixed<'n>(&self, name: &'n str) -> Option<&'n str> {
        name.strip_prefix(self.name.as_ref())?.strip_prefix('.')
    }

    /// The field behind an output name, without its `#n`.
    fn named<'p>(&'p self, profile: &Profile, name: &str) -> Option<Named<'p>> {
        let own = |name: &str| self.fields.get(name).map(Named::Own);
        let colliding = || {
            let field = self.unprefixed(name)?;
            COLUMNS.contains(&field).then(|| own(field)).flatten()
        };
        let param = || {
            name.match_indices('.').find_map(|(dot, _)| {
                let field = self.fields.get(name.get(..dot)?)?;
                let key = name.get(dot + 1..)?;
                let holds_params = match &field.rule {
                    ClassRule::Fixed(class) => *class == Class::Params,
                    ClassRule::On { cases, .. } => cases.iter().any(|case| case.class == Class::Params),
                    _ => false,
                };
                if !holds_params {
                    None
                } else if key == "[key]" {
                    Some(Named::UnlistedParams)
                } else {
                    profile.params.get(key).copied().map(Named::Param)
                }
            })
        };
        let emittable = |named: &Named<'_>| match named {
            Named::Own(FieldSpec {
                rule: ClassRule::Fixed(class),
                ..
            }) => !is_dropped(*class),
            _ => true,
        };
        let first = own(name).or_else(colliding);
        match first {
            Some(named) if emittable(&named) => Some(named),
            Some(named) => param().or(Some(named)),
            None => param(),
        }
    }
}

fn is_dropped(class: Class) -> bool {
    matches!(
        class,
        Class::System | Class::Metric | Class::Secret | Class::Params
    )
}

/// `name#2` is another value of `name`.
fn base(name: &str) -> &str {
    if !name.ends_with(|c: char| c.is_ascii_digit()) {
        return name;
    }
    name.rsplit_once('#')
        .filter(|(_, nth)| {
            (1..=5).contains(&nth.len())
                && nth.bytes().all(|b| b.is_ascii_digit())
                && !nth.starts_with('0')
                && *nth != "1"
        })
        .map_or(name, |(base, _)| base)
}

/// A record that passed: what is left to look through, by position of the field.
pub(crate) struct Closed<'r, 'a> {
    pub(crate) time: Option<&'r str>,
    pub(crate) source: &'r str,
    pub(crate) event: Option<&'r str>,
    pub(crate) residues: Vec<(usize, Residue)>,
    pub(crate) fields: &'r [Field<'a>],
}

fn text<'r>(field: &'r Field<'_>) -> Option<&'r str> {
    match &field.value {
        Scalar::String(text) => Some(text),
        _ => None,
    }
}

impl Verifier {
    /// Every field against what its source allows.
    pub(crate) fn closure<'r, 'a>(&self, fields: &'r [Field<'a>]) -> Result<Closed<'r, 'a>, Leak> {
        let leak = |rule: Broken, at: usize| Leak::new(rule, self.place(fields, at));
        let columns = leading_columns(fields);
        let column = |name: &str| {
            fields
                .get(..columns)
                .unwrap_or_default()
                .iter()
                .position(|f| f.key == name)
        };
        let source = column("source").ok_or_else(|| Leak::new("closure.source", Place::Whole))?;
        let plan = fields
            .get(source)
            .and_then(text)
            .and_then(|name| self.sources.get(name));
        let plan = plan.ok_or_else(|| leak("closure.source", source))?;
        let mut at = Context::default();
        let time = column("time");
        if let Some(time) = time {
            let instant = fields.get(time).and_then(text).and_then(Instant::column);
            at.time = When::At(instant.ok_or_else(|| leak("closure.time", time))?);
        }
        let event = column("event");
        let mut residues = Vec::new();
        let mut keep = |position: usize, residue: Residue| {
            if residue != Residue::None {
                residues.push((position, residue));
            }
        };
        if let Some(event) = event {
            let name = fields
                .get(event)
                .and_then(text)
                .ok_or_else(|| leak("closure.type", event))?;
            if !self.events.is_public(name) {
                let checked = self.events.check(&self.profile, name, !plan.open_event);
                keep(event, checked.map_err(|rule| leak(rule, event))?);
            }
        }
        if let Some(actor) = column("actor") {
            let known = fields.get(actor).and_then(|field| Input::of(&field.value));
            let name = match known {
                Some(Input::Number(name) | Input::Text(name)) => name,
                None => "",
            };
            let impersonated = !plan.impersonators.is_empty()
                && fields.iter().any(|field| {
                    let name = base(&field.key);
                    let is_one = |name: &str| plan.impersonators.iter().any(|known| **known == *name);
                    field.value != Scalar::Null && (is_one(name) || plan.unprefixed(name).is_some_and(is_one))
                });
            at.own_actor = !impersonated && self.own_user(Class::Name, name, at);
        }
        for (position, field) in fields.iter().enumerate() {
            if position < columns && matches!(field.key.as_ref(), "time" | "source" | "event") {
                continue;
            }
            let checked = if position < columns {
                self.column(plan, fields, columns, field, at)
            } else {
                self.own_field(plan, fields, columns, field, at)
            };
            keep(position, checked.map_err(|rule| leak(rule, position))?);
        }
        if let Some(position) = self.contradiction(plan, fields, columns, at) {
            return Err(leak("closure.tuple", position));
        }
        let string = |position: Option<usize>| position.and_then(|n| fields.get(n)).and_then(text);
        Ok(Closed {
            time: string(time),
            source: string(Some(source)).unwrap_or_default(),
            event: string(event),
            residues,
            fields,
        })
    }

    /// A common column holds what one of its suppliers may hold.
    fn column(
        &self,
        plan: &SourcePlan,
        fields: &[Field<'_>],
        columns: usize,
        field: &Field<'_>,
        at: Context,
    ) -> Result<Residue, Broken> {
        let mut broken = "closure.unknown_field";
        for supplier in plan.suppliers(&field.key) {
            let Some(named) = plan.named(&self.profile, supplier) else {
                continue;
            };
            match self.named_value(plan, fields, columns, &named, &field.value, at) {
                Ok(residue) => return Ok(residue),
                Err(rule) => broken = rule,
            }
        }
        Err(broken)
    }

    fn own_field(
        &self,
        plan: &SourcePlan,
        fields: &[Field<'_>],
        columns: usize,
        field: &Field<'_>,
        at: Context,
    ) -> Result<Residue, Broken> {
        let name = base(&field.key);
        if COLUMNS.contains(&field.key.as_ref()) {
            return Err("closure.column_order");
        }
        let named = plan.named(&self.profile, name).ok_or("closure.unknown_field")?;
        self.named_value(plan, fields, columns, &named, &field.value, at)
    }

    fn named_value(
        &self,
        plan: &SourcePlan,
        fields: &[Field<'_>],
        columns: usize,
        named: &Named<'_>,
        value: &Scalar<'_>,
        at: Context,
    ) -> Result<Residue, Broken> {
        let spec = match named {
            Named::UnlistedParams | Named::Param(_) if !self.personal_data => {
                return Err("closure.personal_data");
            }
            Named::UnlistedParams if *value == Scalar::Null => return Ok(Residue::None),
            Named::UnlistedParams => return Err("closure.unlisted_param"),
            Named::Param(class) => {
                let input = Input::of(value).ok_or("closure.type")?;
                return self.value(*class, None, input, at);
            }
            Named::Own(spec) => spec,
        };
        match &spec.rule {
            ClassRule::Fixed(class) if is_dropped(*class) => Err("closure.dropped_class"),
            ClassRule::Fixed(class) => {
                self.value(*class, Some(spec), Input::of(value).ok_or("closure.type")?, at)
            }
            ClassRule::On {
                field: sibling,
                cases,
            } => {
                let input = Input::of(value).ok_or("closure.type")?;
                let told: Vec<&str> = siblings(plan, fields, columns, sibling).collect();
                let mut broken = "closure.no_class";
                for case in cases
                    .iter()
                    .filter(|case| told.is_empty() || told.contains(&case.value.as_str()))
                {
                    match self.value(case.class, Some(spec), input, at) {
                        Ok(residue) => return Ok(residue),
                        Err(rule) => broken = rule,
                    }
                }
                Err(broken)
            }
            _ => Err("closure.unknown_class"),
        }
    }

    /// A name of the scope beside a pseudonym of the same person: one of the two is wrong.
    ///
    /// A display name never establishes scope, so it may not stand beside a foreign id or user
    /// name. A user name may not stand beside a foreign id when the scope lists the right one.
    fn contradiction(
        &self,
        plan: &SourcePlan,
        fields: &[Field<'_>],
        columns: usize,
        at: Context,
    ) -> Option<usize> {
        if !self.personal_data {
            return None;
        }
        let mut members: Vec<(&[usize], usize, Class, &str)> = Vec::new();
        for (position, field) in fields.iter().enumerate().skip(columns) {
            if let Some((tuples, spec)) = plan.people.get(field.key.as_ref())
                && let Some(class) = class_told(plan, fields, columns, spec)
                && let Some(text) = text(field)
            {
                members.push((tuples, position, class, text));
            }
        }
        let wrong = |&&(tuples, _, class, name): &&(&[usize], usize, Class, &str)| {
            let foreign = |wanted: Class| {
                members.iter().any(|(others, _, class, text)| {
                    *class == wanted
                        && others.iter().any(|other| tuples.contains(other))
                        && text.starts_with("user-")
                        && looks_like_pseudonym(text)
                })
            };
            match class {
                Class::Name => {
                    self.owned.name(name, at.time) && (foreign(Class::UserId) || foreign(Class::User))
                }
                Class::User => {
                    foreign(Class::UserId) && self.owned.lists_id_of(name) && self.owned.user(name, at.time)
                }
                _ => false,
            }
        };
        members.iter().find(wrong).map(|(_, position, _, _)| *position)
    }

    /// A name may be told when the profile knows it, or when it is made of harmless words.
    fn place(&self, fields: &[Field<'_>], position: usize) -> Place {
        let told = fields
            .get(position)
            .map(|field| base(&field.key))
            .filter(|name| self.may_tell(name));
        told.map_or(Place::Position(position + 1), |name| {
            Place::Field(name.to_owned())
        })
    }

    fn may_tell(&self, name: &str) -> bool {
        name.len() <= 64
            && (COLUMNS.contains(&name)
                || self.sources.values().any(|plan| plan.fields.contains_key(name))
                || (name.split(['.', '_', '-']).all(|part| self.words.has(part))
                    && self.survives_key(name).is_none()))
    }

    pub(crate) fn place_of(&self, closed: &Closed<'_, '_>, position: usize) -> Place {
        self.place(closed.fields, position)
    }
}

/// How many fields from the start on are common columns in their order.
fn leading_columns(fields: &[Field<'_>]) -> usize {
    let mut order = COLUMNS.iter();
    fields
        .iter()
        .take_while(|field| order.any(|column| *column == field.key))
        .count()
}

/// The class of a field in this record, when the record tells it.
fn class_told(plan: &SourcePlan, fields: &[Field<'_>], columns: usize, spec: &FieldSpec) -> Option<Class> {
    match &spec.rule {
        ClassRule::Fixed(class) => Some(*class),
        ClassRule::On { field, cases } => {
            let mut told = siblings(plan, fields, columns, field);
            let (Some(only), None) = (told.next(), told.next()) else {
                return None;
            };
            cases
                .iter()
                .find(|case| case.value == only)
                .map(|case| case.class)
        }
        _ => None,
    }
}

/// The values that a record shows of a sibling field, under any of its output names.
fn siblings<'r>(
    plan: &SourcePlan,
    fields: &'r [Field<'_>],
    columns: usize,
    sibling: &str,
) -> impl Iterator<Item = &'r str> {
    let (head, tail) = fields.split_at_checked(columns).unwrap_or_default();
    let supplied = head.iter().filter(move |field| {
        let mut names = plan.suppliers(&field.key).iter();
        names.any(|name| name.as_ref() == sibling)
    });
    let own = tail.iter().filter(move |field| {
        let name = base(&field.key);
        name == sibling || plan.unprefixed(name) == Some(sibling)
    });
    own.chain(supplied).filter_map(text)
}

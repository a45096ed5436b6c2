//! One request to the platform: everything that the lines about it share.

use std::sync::LazyLock;

use super::rng::{BASE36, HEX, Rng, TOKEN, ULID, mix};
use super::source::Source;
use super::world::{OURS, World};

/// Which Rails log a request goes to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Family {
    Web,
    Api,
    Graphql,
}

/// What a request touches.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Needs {
    Project,
    Group,
    Nothing,
}

/// A kind of request. In `path`: `{p}` project, `{g}` its group, `{i}` its id, `{e}` its path
/// percent-encoded, `{G}` id of the root group, `{n}` a number, `{f}` a file, `{u}` a user's id.
#[derive(Debug)]
pub(crate) struct Action {
    pub(crate) family: Family,
    pub(crate) needs: Needs,
    pub(crate) weight: u64,
    pub(crate) method: &'static str,
    /// The controller, or the API route.
    pub(crate) controller: &'static str,
    pub(crate) action: &'static str,
    pub(crate) path: &'static str,
    pub(crate) feature: &'static str,
    /// The audit event; its target is a user if it begins with `user_` or `member_`.
    pub(crate) audit: &'static str,
    /// The background job.
    pub(crate) worker: &'static str,
    /// The Git call, as `Service/Method`.
    pub(crate) rpc: &'static str,
}

macro_rules! actions {
    ($($family:ident $needs:ident $weight:literal $method:literal $controller:literal $action:literal $path:literal
       $feature:literal $audit:literal $worker:literal $rpc:literal;)*) => {
        &[$(Action {
            family: Family::$family, needs: Needs::$needs, weight: $weight, method: $method,
            controller: $controller, action: $action, path: $path, feature: $feature,
            audit: $audit, worker: $worker, rpc: $rpc,
        }),*]
    };
}

pub(crate) static ACTIONS: &[Action] = actions! {
    Web Project 90 "GET" "Projects::BlobController" "show" "/{p}/-/blob/main/{f}" "source_code_management" "" "" "BlobService/GetBlobs";
    Web Project 70 "GET" "Projects::IssuesController" "show" "/{p}/-/issues/{n}" "team_planning" "" "" "";
    Web Project 70 "GET" "Projects::MergeRequestsController" "show" "/{p}/-/merge_requests/{n}" "code_review_workflow" "" "" "CommitService/FindCommit";
    Web Project 50 "GET" "Projects::MergeRequests::DiffsController" "diffs_batch" "/{p}/-/merge_requests/{n}/diffs_batch.json" "code_review_workflow" "" "" "DiffService/CommitDiff";
    Web Project 60 "GET" "Projects::JobsController" "show" "/{p}/-/jobs/{n}" "continuous_integration" "" "" "";
    Web Project 40 "GET" "ProjectsController" "show" "/{p}" "groups_and_projects" "" "" "RepositoryService/RepositoryExists";
    Web Project 120 "GET" "Projects::GitHttpController" "info_refs" "/{p}.git/info/refs" "source_code_management" "" "" "SmartHTTPService/InfoRefsUploadPack";
    Web Project 80 "POST" "Projects::GitHttpController" "git_upload_pack" "/{p}.git/git-upload-pack" "source_code_management" "repository_git_operation" "" "SmartHTTPService/PostUploadPackWithSidechannel";
    Web Project 30 "POST" "Projects::GitHttpController" "git_receive_pack" "/{p}.git/git-receive-pack" "source_code_management" "" "PostReceive" "SmartHTTPService/PostReceivePack";
    Web Project 12 "GET" "Projects::RepositoriesController" "archive" "/{p}/-/archive/main/{f}" "source_code_management" "repository_download_operation" "" "RepositoryService/GetArchive";
    Web Project 12 "PATCH" "Projects::VariablesController" "update" "/{p}/-/variables" "secrets_management" "ci_variable_updated" "" "";
    Web Project 10 "POST" "Projects::Settings::AccessTokensController" "create" "/{p}/-/settings/access_tokens" "system_access" "project_access_token_created" "Members::DestroyerWorker" "";
    Web Project 10 "POST" "Projects::DeployKeysController" "create" "/{p}/-/deploy_keys" "continuous_delivery" "deploy_key_added" "" "";
    Web Project 12 "PUT" "Projects::ProjectMembersController" "update" "/{p}/-/project_members/{n}" "groups_and_projects" "member_updated" "AuthorizedProjectUpdate::UserRefreshFromReplicaWorker" "";
    Web Project 8 "PUT" "ProjectsController" "update" "/{p}" "groups_and_projects" "project_visibility_level_updated" "" "";
    Web Project 8 "POST" "ProjectsController" "export" "/{p}/export" "importers" "project_export_created" "ProjectExportWorker" "RepositoryService/CreateBundle";
    Web Group 14 "POST" "Groups::GroupMembersController" "request_access" "/groups/{g}/-/group_members/request_access" "groups_and_projects" "" "" "";
    Web Group 14 "PUT" "Groups::GroupMembersController" "update" "/groups/{g}/-/group_members/{n}" "groups_and_projects" "member_updated" "" "";
    Web Group 12 "DELETE" "Groups::GroupMembersController" "destroy" "/groups/{g}/-/group_members/{n}" "groups_and_projects" "member_destroyed" "MembersDestroyer::UnassignIssuablesWorker" "";
    Web Group 30 "GET" "GroupsController" "show" "/{g}" "groups_and_projects" "" "" "";
    Web Nothing 15 "POST" "SessionsController" "create" "/users/sign_in" "system_access" "authenticated_with_password" "" "";
    Web Nothing 10 "POST" "UserSettings::PersonalAccessTokensController" "create" "/-/user_settings/personal_access_tokens" "system_access" "personal_access_token_created" "" "";
    Web Nothing 25 "GET" "DashboardController" "activity" "/dashboard/activity" "user_profile" "" "" "";
    Web Project 20 "GET" "JwtController" "auth" "/jwt/auth" "container_registry" "" "" "";
    Graphql Project 90 "POST" "GraphqlController" "execute" "/api/graphql" "team_planning" "" "" "";
    Graphql Project 40 "POST" "GraphqlController" "execute" "/api/graphql" "ci_variables" "" "" "";
    Api Project 90 "GET" "/api/:version/projects/:id/repository/files/:file_path" "" "/api/v4/projects/{e}/repository/files/{f}" "source_code_management" "" "" "BlobService/GetBlobs";
    Api Project 120 "GET" "/api/:version/projects/:id/pipelines/:pipeline_id/jobs" "" "/api/v4/projects/{i}/pipelines/{n}/jobs" "continuous_integration" "" "" "";
    Api Project 90 "PUT" "/api/:version/jobs/:id" "" "/api/v4/jobs/{n}" "continuous_integration" "" "BuildFinishedWorker" "";
    Api Project 20 "POST" "/api/:version/projects/:id/members" "" "/api/v4/projects/{i}/members" "groups_and_projects" "member_created" "AuthorizedProjectUpdate::UserRefreshFromReplicaWorker" "";
    Api Project 14 "GET" "/api/:version/projects/:id/variables" "" "/api/v4/projects/{e}/variables" "secrets_management" "variable_viewed_api" "" "";
    Api Group 20 "GET" "/api/:version/groups/:id/members" "" "/api/v4/groups/{G}/members" "groups_and_projects" "" "" "";
    Api Project 60 "POST" "/api/:version/internal/allowed" "" "/api/v4/internal/allowed" "source_code_management" "" "" "SSHService/SSHUploadPackWithSidechannel";
    Api Nothing 30 "GET" "/api/:version/user" "" "/api/v4/user" "user_profile" "" "" "";
    Api Project 40 "POST" "/api/:version/projects/:id/merge_requests/:merge_request_iid/notes" "" "/api/v4/projects/{i}/merge_requests/{n}/notes" "code_review_workflow" "" "NewNoteWorker" "";
};

/// Queries by feature category.
pub(crate) static OPERATIONS: &[&str] = &[
    "getProjectIssuesEE",
    "getWorkItems",
    "getProjectVariables",
    "getPipelines",
    "mergeRequestReviewers",
    "getBlobInfo",
];

pub(crate) fn action(name: &str) -> &'static Action {
    ACTIONS.iter().find(|a| a.audit == name).unwrap_or(&ACTIONS[0])
}

/// Something out of the ordinary that a visit is there for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Part {
    Ordinary,
    /// A foreign guest is made a member of a project of the customer by himself.
    Guest,
    /// The platform's staff begin (`true`) or end to act as a user of the customer.
    Impersonation(bool),
}

/// One request.
#[derive(Debug)]
pub(crate) struct Visit {
    pub(crate) action: &'static Action,
    pub(crate) part: Part,
    pub(crate) tenant: u32,
    pub(crate) project: u32,
    pub(crate) user: Option<u32>,
    /// Whose address and agent the request came with.
    pub(crate) from: u32,
    pub(crate) staff: Option<u32>,
    pub(crate) correlation: Vec<u8>,
    /// Start of the visit's share of the day.
    pub(crate) ms: i64,
    pub(crate) number: u64,
    pub(crate) file: u64,
    pub(crate) status: u64,
    pub(crate) capital: bool,
    pub(crate) former: bool,
    pub(crate) seed: u64,
}

/// What decides the visits of a corpus.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) seed: u64,
    pub(crate) our_share: f64,
    pub(crate) hostile: bool,
    /// Visits a day.
    pub(crate) visits: u64,
    /// Start of the first day.
    pub(crate) start: i64,
    pub(crate) days: u32,
}

impl Rules {
    /// The seed of a visit.
    pub(crate) fn seed_of(&self, day: u32, q: u64) -> u64 {
        mix(mix(self.seed, u64::from(day) + 1), q)
    }

    /// The visits of a day during which staff act as a user of the customer.
    pub(crate) fn episode(&self, world: &World, day: u32) -> Option<(std::ops::Range<u64>, u32, u32)> {
        if !self.hostile || self.visits < 60 {
            return None;
        }
        let first = self.visits / 10 * (2 + u64::from(day % 5));
        let length = (self.visits / 20).clamp(4, 40);
        let victim = world.tenant(OURS).users.start + 1 + day % 4;
        Some((
            first..first + length,
            victim,
            *world.staff.get(day as usize % world.staff.len())?,
        ))
    }

    /// The start of a visit: each has its own share of the day.
    pub(crate) fn instant(&self, day: u32, q: u64) -> i64 {
        let within = (u128::from(q) * 86_400_000 / u128::from(self.visits.max(1))) as u64;
        let within = within.cast_signed();
        // Even seconds, where there is room, leave the odd ones to logs that write no fraction.
        let within = if self.is_sparse() {
            within - within % 2000
        } else {
            within
        };
        self.start + i64::from(day) * 86_400_000 + within
    }

    /// Whether each visit has two seconds of its own, so that times are unique in the corpus.
    pub(crate) fn is_sparse(&self) -> bool {
        self.visits <= 43_200
    }

    pub(crate) fn visit(&self, world: &World, day: u32, q: u64) -> Visit {
        let seed = self.seed_of(day, q);
        let mut rng = Rng::new(seed);
        let ours = rng.share(self.our_share);
        let tenant = if ours {
            OURS
        } else {
            1 + rng.below(world.tenants.len() as u64 - 1) as u32
        };
        let mut visit = self.plain(world, day, q, tenant, action_of(seed), &mut rng);
        if let Some((span, victim, staff)) = self.episode(world, day)
            && (span.start + 1..span.end - 1).contains(&q)
            && (q.is_multiple_of(2) || visit.user == Some(victim))
        {
            visit.user = Some(victim);
            visit.tenant = OURS;
            visit.project = world.tenant(OURS).projects.start + (q % 3) as u32;
            visit.from = staff;
            visit.staff = Some(staff);
            visit.former = false;
        }
        visit
    }

    fn plain(
        &self,
        world: &World,
        day: u32,
        q: u64,
        tenant: u32,
        action: &'static Action,
        rng: &mut Rng,
    ) -> Visit {
        let home = world.tenant(tenant);
        let mut project =
            home.projects.start + rng.below(u64::from(home.projects.end - home.projects.start)) as u32;
        if action.needs == Needs::Group && world.project(project).personal.is_some() {
            project = home.projects.start;
        }
        let stranger = rng.often(if tenant == OURS { 140 } else { 40 });
        let members = if !stranger {
            home.users.clone()
        } else if tenant == OURS {
            let guest = *rng.pick(&world.guests);
            guest..guest + 1
        } else if rng.often(250) {
            world.tenant(OURS).users.clone()
        } else {
            world
                .tenant(rng.below(world.tenants.len() as u64) as u32)
                .users
                .clone()
        };
        let someone = members.start + rng.below(u64::from(members.end - members.start)) as u32;
        let anonymous = action.needs == Needs::Project && action.audit.is_empty() && rng.often(60);
        Visit {
            action,
            part: Part::Ordinary,
            tenant,
            project,
            user: (!anonymous).then_some(someone),
            from: someone,
            staff: None,
            correlation: correlation(rng),
            ms: self.instant(day, q),
            number: 1 + rng.below(900),
            file: rng.below(FILES.len() as u64),
            status: *rng.pick(&[200, 200, 200, 200, 200, 200, 302, 304, 401, 404, 500]),
            capital: self.hostile && rng.often(25),
            former: tenant == OURS && day == 0 && rng.often(100),
            seed: self.seed_of(day, q),
        }
    }

    /// A visit that exists for the audit log alone.
    pub(crate) fn special(&self, world: &World, day: u32, q: u64, part: Part, who: u32) -> Visit {
        let mut rng = Rng::new(mix(self.seed_of(day, q), 0x5bec));
        let mut visit = self.plain(world, day, q, OURS, action("member_created"), &mut rng);
        visit.part = part;
        visit.project = world.tenant(OURS).projects.start;
        visit.capital = false;
        visit.former = false;
        visit.user = Some(who);
        visit.from = who;
        visit
    }
}

impl Visit {
    /// The generator for the lines of one source.
    pub(crate) fn rng(&self, source: Source) -> Rng {
        Rng::new(mix(self.seed, 0x1000 + source as u64))
    }
}

/// What a visit does, without the rest: most files skip most visits.
pub(crate) fn action_of(seed: u64) -> &'static Action {
    let mut at = mix(seed, 0xAC) % weights();
    for action in ACTIONS {
        if at < action.weight {
            return action;
        }
        at -= action.weight;
    }
    &ACTIONS[0]
}

fn weights() -> u64 {
    static TOTAL: LazyLock<u64> = LazyLock::new(|| ACTIONS.iter().map(|action| action.weight).sum());
    *TOTAL
}

/// Files of repositories.
pub(crate) static FILES: &[&str] = &[
    "README.md",
    "src/main.rs",
    "app/models/user.rb",
    "docs/index.md",
    "Makefile",
    "config/settings.yml",
];

/// A correlation id in one of the alphabets in use.
fn correlation(rng: &mut Rng) -> Vec<u8> {
    let mut id = Vec::with_capacity(36);
    match rng.below(20) {
        0 => rng.chars(TOKEN, 11, &mut id),
        1 => rng.chars(HEX, 32, &mut id),
        2 => {
            for (n, count) in [8, 4, 4, 4, 12].into_iter().enumerate() {
                if n > 0 {
                    id.push(b'-');
                }
                rng.chars(HEX, count, &mut id);
            }
        }
        3 => {
            rng.chars(BASE36, 16, &mut id);
            id.extend_from_slice(b"-SEA");
        }
        _ => {
            id.extend_from_slice(b"01K");
            rng.chars(ULID, 23, &mut id);
        }
    }
    id
}

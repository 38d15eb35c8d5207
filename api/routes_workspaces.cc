// SPDX-License-Identifier: Apache-2.0
// Workspaces and keys: who there is, and what each may do.
#include "api/call.h"

namespace headrace::api {
namespace {

using core::Method;

Reply list_workspaces(Call& call) { return listed(call.services.engine.workspaces(call.page())); }

Reply create_workspace(Call& call) {
  const Json& json = call.body.json();
  return answer(
      call.services.engine.create_workspace(text_member(json, "tag"), text_member(json, "name")),
      201);
}

Reply get_workspace(Call& call) {
  return answer(call.services.engine.workspace_info(call.value("workspace")));
}

Reply delete_workspace(Call& call) {
  return deleted(call.services.engine.delete_workspace(call.value("workspace"), call.options()));
}

Reply list_keys(Call& call) { return listed(call.workspace->keys(call.page())); }

Reply create_key(Call& call) {
  Faults faults;
  const KeySpec spec = key_spec(call.body, faults);
  if (!faults.empty()) return refused(std::move(faults));
  return answer(call.workspace->create_key(spec), 201);
}

Reply get_key(Call& call) { return answer(call.workspace->key(call.id<KeyId>("key"))); }

Reply revoke_key(Call& call) { return deleted(call.workspace->revoke_key(call.id<KeyId>("key"))); }

Reply get_self(Call& call) {
  JsonWriter json;
  json.begin_object().member("workspace", call.workspace->tag()).key("scopes");
  write_scopes(json, call.grant.scopes);
  json.member_or_null("key", call.grant.is_operator ? "" : call.grant.key.to_string());
  return shown(json.end_object().take());
}

void add_workspaces(std::vector<Route>& to) {
  to.push_back({.method = Method::kGet,
                .path = "/v1/workspaces",
                .access = Access::kOperator,
                .id = "listWorkspaces",
                .tag = "Workspaces",
                .summary = "List workspaces",
                .answers = {{200, "Workspace", "A page of them, by tag."}},
                .is_list = true,
                .handler = list_workspaces});
  to.push_back({.method = Method::kPost,
                .path = "/v1/workspaces",
                .access = Access::kOperator,
                .id = "createWorkspace",
                .tag = "Workspaces",
                .summary = "Make a workspace",
                .body = "WorkspaceSpec",
                .answers = {{201, "Workspace", "It is made."}},
                .failures = {{409, "conflict"}},
                .handler = create_workspace});
  to.push_back({.method = Method::kGet,
                .path = "/v1/workspaces/{workspace}",
                .access = Access::kOperator,
                .id = "getWorkspace",
                .tag = "Workspaces",
                .summary = "Show a workspace",
                .answers = {{200, "Workspace", "The workspace."}},
                .failures = {{404, "not_found"}},
                .handler = get_workspace});
  to.push_back({.method = Method::kDelete,
                .path = "/v1/workspaces/{workspace}",
                .access = Access::kOperator,
                .id = "deleteWorkspace",
                .tag = "Workspaces",
                .summary = "Delete a workspace",
                .description = "The workspace \"default\" is always there.",
                .answers = {{204, "", "It is gone, and so are its keys."}},
                .failures = {{404, "not_found"}, {409, "conflict"}},
                .takes_cascade = true,
                .handler = delete_workspace});
}

void add_keys(std::vector<Route>& to) {
  to.push_back({.method = Method::kGet,
                .path = "/v1/keys",
                .access = Access::kAdmin,
                .id = "listKeys",
                .tag = "Keys",
                .summary = "List keys",
                .answers = {{200, "Key", "A page of them, by id."}},
                .is_list = true,
                .handler = list_keys});
  to.push_back({.method = Method::kPost,
                .path = "/v1/keys",
                .access = Access::kAdmin,
                .id = "createKey",
                .tag = "Keys",
                .summary = "Make a key",
                .description = "The secret is shown here and never again: only its hash is kept.",
                .body = "KeySpec",
                .answers = {{201, "NewKey", "It is made."}},
                .answer_is_secret = true,
                .handler = create_key});
  to.push_back({.method = Method::kGet,
                .path = "/v1/keys/{key}",
                .access = Access::kAdmin,
                .id = "getKey",
                .tag = "Keys",
                .summary = "Show a key",
                .answers = {{200, "Key", "The key, without its secret."}},
                .failures = {{404, "not_found"}},
                .handler = get_key});
  to.push_back({.method = Method::kDelete,
                .path = "/v1/keys/{key}",
                .access = Access::kAdmin,
                .id = "revokeKey",
                .tag = "Keys",
                .summary = "Revoke a key",
                .answers = {{204, "", "It opens nothing any more."}},
                .failures = {{404, "not_found"}},
                .handler = revoke_key});
  to.push_back({.method = Method::kGet,
                .path = "/v1/self",
                .access = Access::kAny,
                .id = "getSelf",
                .tag = "Keys",
                .summary = "Show what this key is and may do",
                .answers = {{200, "Self", "Workspace and scopes."}},
                .handler = get_self});
}

}  // namespace

void add_workspace_routes(std::vector<Route>& to) {
  add_workspaces(to);
  add_keys(to);
}

}  // namespace headrace::api

// SPDX-License-Identifier: Apache-2.0
// Who changed what.
#include "api/audit_json.h"
#include "api/call.h"
#include "api/times.h"

namespace headrace::api {
namespace {

using core::Method;

AuditFilter audit_filter(const Call& call) {
  AuditFilter filter;
  filter.since = parse_time(call.text("since"));
  filter.until = parse_time(call.text("until"));
  filter.actor = call.text("actor");
  filter.action = call.text("action");
  filter.kind = call.text("kind");
  filter.name = call.text("name");
  filter.page = call.page();
  return filter;
}

Reply list_audit(Call& call) { return listed(call.workspace->audit(audit_filter(call))); }

Reply list_workspace_audit(Call& call) {
  return listed(call.services.engine.audit(call.value("workspace"), audit_filter(call)));
}

Route audit_route(std::string_view path, Access access, std::string_view id,
                  std::string_view summary, std::string_view description, Handler handler) {
  return {.method = Method::kGet,
          .path = path,
          .access = access,
          .id = id,
          .tag = "Audit",
          .summary = summary,
          .description = description,
          .query = {{"since", ParameterKind::kTime, "Changed at or after."},
                    {"until", ParameterKind::kTime, "Changed before."},
                    {"actor", ParameterKind::kText,
                     "Only by this one: operator, engine, host, or a key's id."},
                    {"action", ParameterKind::kText, "Only this: create, update, delete, …"},
                    {"kind", ParameterKind::kText, "Only of this kind: webhook, endpoint, key, …"},
                    {"name", ParameterKind::kText,
                     "Only of this name or what begins with it and a slash, or of this id."}},
          .answers = {{200, "AuditEntry", "A page of them."}},
          .is_list = true,
          .handler = handler};
}

}  // namespace

void add_audit_routes(std::vector<Route>& to) {
  to.push_back(audit_route("/v1/audit", Access::kAdmin, "listAudit", "List what was changed",
                           "Newest first. The work of one request is bounded, so a page may be "
                           "short, even empty, and have a next one all the same.",
                           list_audit));
  to.push_back(audit_route("/v1/workspaces/{workspace}/audit", Access::kOperator,
                           "listWorkspaceAudit", "List what was changed in any workspace",
                           "As listAudit; also of a workspace that was deleted, and of those that "
                           "had its name before.",
                           list_workspace_audit));
}

}  // namespace headrace::api

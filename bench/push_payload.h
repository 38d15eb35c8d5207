// SPDX-License-Identifier: Apache-2.0
// A payload such as a forge posts for a push: 7 KB, the same for all benches.
#pragma once

#include <string>
#include <string_view>

namespace headrace::bench {

inline std::string user(const std::string& name) {
  const std::string url = "https://api.example.test/users/" + name;
  return R"({"name":")" + name + R"(","email":")" + name + R"(@example.test","login":")" + name +
         R"(","id":21031067,"node_id":"MDQ6VXNlcjIxMDMxMDY3","avatar_url":"https://avatars.example.test/u/21031067?v=4",)" +
         R"("gravatar_id":"","url":")" + url + R"(","followers_url":")" + url +
         R"(/followers","gists_url":")" + url +
         R"(/gists{/gist_id}","type":"User","site_admin":false})";
}

inline std::string repository() {
  std::string text =
      R"({"id":186853002,"node_id":"MDEwOlJlcG9zaXRvcnkxODY4NTMwMDI=","name":"hello-world",)"
      R"("full_name":"codertocat/hello-world","private":false,"owner":)" +
      user("codertocat") +
      R"(,"html_url":"https://example.test/codertocat/hello-world","description":null,"fork":false)";
  for (const char* part : {"forks",
                           "keys{/key_id}",
                           "collaborators{/collaborator}",
                           "teams",
                           "hooks",
                           "issues/events{/number}",
                           "events",
                           "assignees{/user}",
                           "branches{/branch}",
                           "tags",
                           "git/blobs{/sha}",
                           "git/tags{/sha}",
                           "git/refs{/sha}",
                           "git/trees{/sha}",
                           "statuses/{sha}",
                           "languages",
                           "stargazers",
                           "contributors",
                           "subscribers",
                           "subscription",
                           "commits{/sha}",
                           "git/commits{/sha}",
                           "comments{/number}",
                           "contents/{+path}",
                           "merges",
                           "downloads",
                           "issues{/number}",
                           "pulls{/number}",
                           "milestones{/number}",
                           "labels{/name}",
                           "releases{/id}",
                           "deployments"}) {
    const std::string name(part);
    text += ",\"" + name.substr(0, name.find_first_of("{/")) +
            "_url\":\"https://api.example.test/repos/codertocat/hello-world/" + name + '"';
  }
  return text +
         R"(,"created_at":1557933565,"updated_at":"2019-05-15T15:20:41Z","size":0,"stargazers_count":0,)"
         R"("watchers_count":0,"language":"Ruby","has_issues":true,"has_wiki":true,"open_issues":2,)"
         R"("license":null,"default_branch":"master"})";
}

inline std::string commit(const char* id) {
  return std::string(R"({"id":")") + id +
         R"(","tree_id":"31b122c26a97cf9af023e9ddab94a82c6e77b0ea","distinct":true,)" +
         R"("message":"Update the README: say \"hello\" to \u00e9veryone\n","timestamp":"2019-05-15T15:20:33+02:00",)" +
         R"("author":)" + user("octocat") + R"(,"committer":)" + user("octocat") +
         R"(,"added":[],"removed":[],"modified":["README.md"]})";
}

// The shape and size of a push: a few scalars, then everything about everybody, the type near the
// end.
inline std::string push_payload(std::string_view type) {
  return std::string(
             R"({"ref":"refs/tags/simple-tag","before":"6113728f27ae82c7b1a177c8d03f9e96e0adf246",)") +
         R"("after":"0000000000000000000000000000000000000000","created":false,"deleted":true,"forced":false,)" +
         R"("base_ref":null,"compare":"https://example.test/codertocat/hello-world/compare/6113728f27ae...000000000000",)" +
         R"("commits":[)" + commit("0d1a26e67d8f5eaf1f6ba5c57fc3c7d91ac0fd1c") + ',' +
         commit("6dcb09b5b57875f334f61aebed695e2e4193db5e") +
         R"(],"head_commit":null,"repository":)" + repository() + R"(,"organization":)" +
         user("codertocat-industries") +
         R"(,"pusher":{"name":"codertocat","email":"codertocat@example.test"},"sender":)" +
         user("codertocat") + R"(,"action":")" + std::string(type) + "\"}";
}

}  // namespace headrace::bench

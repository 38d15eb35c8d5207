// SPDX-License-Identifier: Apache-2.0
// The definitions of a daemon, as far as steps of a plan change them.
#pragma once

#include <string>
#include <vector>

#include "tools/apply_plan.h"

namespace headrace::tools {

class SimulatedDefinitions {
 public:
  // Does what the daemon would do. Fails the running test when the step names what is not there, is
  // there already, or needs something that is missing.
  void carry_out(const Step& step);

  const std::vector<Resource>& resources() const noexcept { return resources_; }

 private:
  using Segments = std::vector<std::string>;

  void create(ResourceKind kind, Json definition);
  void change(Resource& resource, const Json& body);
  void in_app(const Step& step, const Segments& path);
  void in_product(const Step& step, const Segments& path);
  void enable(const std::string& product, const Json& body);
  void put_endpoint(const std::string& product, Json settings);
  void disable(const std::string& product, const Json& body);
  void remove(const std::string& name);
  void remove_env(const std::string& name, const std::string& slug);
  Resource* find(const std::string& name);

  std::vector<Resource> resources_;
  int next_id_ = 1;
};

}  // namespace headrace::tools

// The model's opinion when answers get lost: of each subject all states that it may be in. There is one until an answer is
// lost; each later answer leaves those that explain it. An answer that none of them explains is a fault.
#pragma once

#include <set>

#include "tests/simulation/model.h"

namespace watchword::simulation {

class Oracle {
 public:
  explicit Oracle(Rules rules = {}) : rules_(std::move(rules)) {}

  // A service token that stands from the beginning.
  void admit(const std::string& text, const std::string& identity, const std::string& token, Strings permissions);

  // All answers that would be right for a request decided within `at`; of observations only how they may be refused.
  std::vector<Answer> expect(const Request& request, Moment at) const;

  // What is wrong with the answer, empty when nothing is; takes over what it tells. At most one change of a subject may
  // be under way. An answer that is lost, 503 or "unavailable" tells nothing: then the same as maybe().
  std::string judge(const Request& request, const Reply& reply, Moment at);

  // Once for each request: a use is an observation of ours, and pushes others out of memory.
  void sent(const Request& request);

  // The request may have had its effect, or may not.
  void maybe(const Request& request, Moment at);

  // No read that starts now may call the token active.
  bool surely_dead(const std::string& token_id, Moment at) const;
  // Whom the request is about, empty for nobody or many.
  std::string subject_of(const Request& request) const;
  // States that a subject may be in.
  std::vector<Subject> worlds_of(const std::string& subject) const;
  // Takes back what answers about a subject have told.
  void assume(const std::string& subject, std::vector<Subject> worlds);
  // Whom an observation is about.
  static std::string principal_of(const boost::json::object& seen);
  // The unique name that a request asks for, empty for none.
  static std::string name_in(const Request& request);
  // Whose token that text is, and its id; empty for one that was never seen.
  std::pair<std::string, std::string> token_of(const std::string& text) const;

 private:
  struct Seen {
    std::string event;
    bool sure;
  };
  struct EventMay {
    bool be_accepted, be_duplicate, be_rejected;
  };
  std::vector<Branch> branches(const std::string& subject, const Subject& world, const Request& request,
                                Moment at) const;
  void keep(const std::string& subject, std::vector<Subject> worlds);
  void learn(const Request& request, const Reply& reply, const std::string& subject);
  void learn_identity(const Request& request, const boost::json::object& body);
  void learn_token(const Request& request, const boost::json::object& body, std::vector<Subject>& worlds);
  Caller caller_of(const Request& request, const std::string& subject, const Subject& world, Moment at) const;
  EventMay event_may(const Request& request, const boost::json::value& each, std::map<std::string, int>& in_batch,
                     Moment at) const;
  std::string judge_events(const Request& request, const Reply& reply, Moment at);
  void observed(const Request& request, const Strings& rejected, bool sure);
  void shake(const std::string& subject);
  std::pair<bool, bool> name_taken(const Request& request, Moment at) const;

  Rules rules_;
  std::map<std::string, std::vector<Subject>> subjects_;
  std::map<std::string, std::pair<std::string, std::string>> texts_;  // of tokens -> subject, id
  std::map<std::string, std::string> owner_;                          // token id -> subject
  std::map<std::string, std::string> names_;  // unique name -> its token; "?" and key: perhaps, by that request
  std::map<std::string, std::vector<Seen>> seen_;      // observations of each principal
  std::map<std::string, std::string> event_keys_;     // idempotency key -> body
  std::set<std::string> given_up_;                    // too much was lost
  std::map<std::string, std::string> event_answers_;  // caller and body -> answer
};

}  // namespace watchword::simulation

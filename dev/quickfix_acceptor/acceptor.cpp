// An acceptor of QuickFIX for tests of FIX sessions: `quickfix-acceptor PORT DICTIONARY CLIENT`.
//
// Lines of the standard input: `send MESSAGE` sends a message of the application, whose separators are `|`; `skip COUNT`
// leaves sequence numbers out; `quit` logs out and ends. Lines of the standard output: `logon`, `logout`, `app MESSAGE`
// and `admin MESSAGE` for what arrives, and `ready` once connections are accepted.

#include <algorithm>
#include <fstream>
#include <iostream>
#include <mutex>
#include <sstream>
#include <string>

#include <quickfix/Application.h>
#include <quickfix/DataDictionary.h>
#include <quickfix/MessageStore.h>
#include <quickfix/Session.h>
#include <quickfix/SessionSettings.h>
#include <quickfix/SocketAcceptor.h>

namespace {

std::mutex output;

void say(const std::string &line) {
  std::lock_guard<std::mutex> lock(output);
  std::cout << line << std::endl;
}

std::string readable(const FIX::Message &message) {
  std::string text = message.toString();
  std::replace(text.begin(), text.end(), '\001', '|');
  return text;
}

class Broker : public FIX::Application {
public:
  void onCreate(const FIX::SessionID &) override {}
  void onLogon(const FIX::SessionID &) override { say("logon"); }
  void onLogout(const FIX::SessionID &) override { say("logout"); }
  void toAdmin(FIX::Message &, const FIX::SessionID &) override {}
  void toApp(FIX::Message &, const FIX::SessionID &) throw(FIX::DoNotSend) override {}
  void fromAdmin(const FIX::Message &message, const FIX::SessionID &) throw(
      FIX::FieldNotFound, FIX::IncorrectDataFormat, FIX::IncorrectTagValue,
      FIX::RejectLogon) override {
    say("admin " + readable(message));
  }
  void fromApp(const FIX::Message &message, const FIX::SessionID &) throw(
      FIX::FieldNotFound, FIX::IncorrectDataFormat, FIX::IncorrectTagValue,
      FIX::UnsupportedMessageType) override {
    say("app " + readable(message));
  }
};

void run(const std::string &port, const std::string &dictionary, const std::string &client) {
  std::stringstream text;
  text << "[SESSION]\nConnectionType=acceptor\nBeginString=FIX.4.4\nSenderCompID=CSERVER\nTargetCompID=" << client
       << "\nSenderSubID=QUOTE\nTargetSubID=QUOTE\nSocketAcceptPort=" << port
       << "\nStartTime=00:00:00\nEndTime=00:00:00\nUseDataDictionary=Y\nDataDictionary=" << dictionary
       << "\nSocketReuseAddress=Y\nSocketNodelay=Y\nMillisecondsInTimeStamp=Y\n";
  FIX::SessionSettings settings(text);
  FIX::DataDictionary fields(dictionary);
  FIX::MemoryStoreFactory store;
  Broker broker;
  FIX::SocketAcceptor acceptor(broker, store, settings);
  const FIX::SessionID id = *settings.getSessions().begin();
  acceptor.start();
  say("ready");
  std::string line;
  while (std::getline(std::cin, line) && line != "quit") {
    const std::size_t space = line.find(' ');
    const std::string command = line.substr(0, space);
    std::string rest = space == std::string::npos ? "" : line.substr(space + 1);
    if (command == "send") {
      std::replace(rest.begin(), rest.end(), '|', '\001');
      FIX::Message message(rest, fields, false);
      FIX::Session::sendToTarget(message, id);
    } else if (command == "skip") {
      FIX::Session *session = FIX::Session::lookupSession(id);
      session->setNextSenderMsgSeqNum(session->getExpectedSenderNum() + std::stoi(rest));
    }
  }
  acceptor.stop();
}

} // namespace

int main(int count, char **arguments) {
  if (count != 4) {
    std::cerr << "usage: quickfix-acceptor PORT DICTIONARY CLIENT" << std::endl;
    return 2;
  }
  try {
    run(arguments[1], arguments[2], arguments[3]);
  } catch (const std::exception &error) {
    std::cerr << error.what() << std::endl;
    return 1;
  }
  return 0;
}

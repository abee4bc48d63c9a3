import { afterEach, describe, expect, it } from "vitest";
import { hostName, hubPath } from "../src/api/hub";
import { HttpError, requestJson } from "../src/api/request";
import { forgetToken, loadToken, storeTriedToken, token, tryToken } from "../src/api/token";
import { authMessage, problemOf } from "../src/model/problem";
import { agent, asked, hub } from "./browser";

const at = (href: string, content: string | null) => {
  location.href = href;
  hub.content = content;
};

afterEach(() => {
  forgetToken();
  localStorage.clear();
  sessionStorage.clear();
  at("http://gpu01/", null);
});

const keys = () =>
  ["/", "/gpus/", "/hosts/gpu01/"].filter(path => localStorage.getItem(`nvidia-smi-web-agent:token:${path}`));

describe("a host's page under a hub", () => {
  it("knows the hub's path and its own name", () => {
    at("https://hub/gpus/hosts/gpu01.example:8000/#/users", "../../");
    expect(hubPath()).toBe("/gpus/");
    expect(hostName()).toBe("gpu01.example:8000");
    at("https://hub/hosts/%5B::1%5D:8000/", "../../");
    expect(hubPath()).toBe("/");
    expect(hostName()).toBe("[::1]:8000");
  });

  it("is an agent's without the element, whatever its address looks like", () => {
    at("https://hub/hosts/gpu01/", null);
    expect(hubPath()).toBeNull();
    expect(hostName()).toBeNull();
  });

  it("uses the token that was entered on any page of the hub, and sends it below the hub's path only", async () => {
    at("https://hub/gpus/", null);
    tryToken("secret", "browser");
    storeTriedToken();
    expect(keys()).toEqual(["/gpus/"]);
    at("https://hub/gpus/hosts/gpu01/", "../../");
    token.value = null;
    loadToken();
    expect(token.value).toBe("secret");
    agent.answer = () => ({ status: 200, body: {} });
    await requestJson("api/v1/snapshot");
    expect(asked.at(-1)).toEqual({ path: "/gpus/hosts/gpu01/api/v1/snapshot", token: "Bearer secret" });
  });

  it("of an agent behind a proxy has a token of its own", () => {
    at("https://hub/", null);
    tryToken("secret", "browser");
    storeTriedToken();
    at("https://hub/hosts/gpu01/", null);
    loadToken();
    expect(token.value).toBeNull();
    tryToken("other", "browser");
    storeTriedToken();
    expect(keys()).toEqual(["/", "/hosts/gpu01/"]);
  });

  it("says what the hub says", () => {
    const why = "This host runs the original agent, which has /status and /count only.";
    expect(problemOf(new HttpError(404, why), "host")).toEqual({
      title: "The hub cannot show this host.",
      why,
      hint: "",
    });
    expect(problemOf(new TypeError(), "host").title).toBe("The hub does not answer.");
    expect(authMessage({ status: 403, why: "It cannot hide users." }, "host")).toBe("It cannot hide users.");
    expect(authMessage({ status: 401, why: "" }, "host")).toBe("The hub refuses this token.");
  });
});

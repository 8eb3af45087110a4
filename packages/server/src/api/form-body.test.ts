import fastify, { type FastifyInstance } from "fastify";
import { afterAll, beforeAll, expect, test } from "vitest";
import { acceptForms, formParams, formProblem } from "./form-body.ts";

let app: FastifyInstance;

beforeAll(() => {
  app = fastify();
  acceptForms(app);
  app.post("/", async (request) => ({
    params: [...formParams(request)],
    problem: formProblem(request) ?? "",
  }));
});
afterAll(() => app.close());

const check = (query: string, body: string, want: string, problem = "") =>
  test(`${query} with ${body}`, async () => {
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const answer = await app.inject({ method: "POST", url: `/?${query}`, headers, body });
    const { params, problem: told } = answer.json();
    expect([params.map((pair: string[]) => pair.join("=")).join(" "), told]).toEqual([
      want,
      problem,
    ]);
  });

check("a=1", "a=2&b=%C3%A9+x", "a=2 b=é x a=1");
check("a=1;2&b=3", "", "b=3", "invalid semicolon separator in query");
check("a=%zz", "c=%4", "", 'invalid URL escape "%4"');
check("a=%zz&&b", "", "b=", 'invalid URL escape "%zz"');

test("other bodies are left aside", async () => {
  const headers = { "content-type": "application/json" };
  const answer = await app.inject({ method: "POST", url: "/?a=1", headers, body: "{" });
  expect(answer.json().params).toEqual([["a", "1"]]);
});

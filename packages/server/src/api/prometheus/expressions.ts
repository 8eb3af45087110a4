/** Queries as text and as a tree: `format_query` and `parse_query`. */
import { formatPromql } from "@triptych/lang";
import { astJson } from "./ast-json.ts";
import { answerJson, queryOf, type Route } from "./exchange.ts";

export const expressionRoutes: readonly Route[] = [
  [
    ["GET", "POST"],
    "/format_query",
    async (_context, exchange) => answerJson(exchange, formatPromql(queryOf(exchange.params).expr)),
  ],
  [
    ["GET", "POST"],
    "/parse_query",
    async (_context, exchange) => answerJson(exchange, astJson(queryOf(exchange.params).expr)),
  ],
];

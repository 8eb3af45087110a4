/** Starts the interface: the only file that touches the document's root. */
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { ApiFailure } from "./api/client.ts";
import { createPages } from "./app/router.tsx";

/** A refused question stays refused; an unreachable server is asked once more before we say so. */
function retry(count: number, error: Error): boolean {
  const passing =
    error instanceof ApiFailure &&
    (error.status === 0 || error.status === 503 || error.status === 429);
  return passing && count < 1;
}

const client = new QueryClient({
  defaultOptions: {
    queries: {
      retry,
      retryDelay: 700,
      staleTime: 30_000,
      gcTime: 120_000,
      refetchOnWindowFocus: false,
      networkMode: "always",
    },
  },
});
const router = createPages();
const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no #root");
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={client}>
      <RouterProvider router={router} />
    </QueryClientProvider>
  </StrictMode>,
);

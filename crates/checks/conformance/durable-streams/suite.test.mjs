// The published suite, subscriptions included, against the server that SERVER_URL names.
import { runConformanceTests } from "@durable-streams/server-conformance-tests";

runConformanceTests({ baseUrl: process.env.SERVER_URL, subscriptions: true });

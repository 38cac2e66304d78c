// openai-node: each face by the SDK's own helpers.
import OpenAI from "openai";

const client = new OpenAI({ maxRetries: 0 });
let failed = false;

function same(what, found, wanted) {
  const good = JSON.stringify(found) === JSON.stringify(wanted);
  failed ||= !good;
  console.log(`${good ? "ok" : "NOT OK"}  ${what}${good ? "" : `: ${JSON.stringify(found)}`}`);
}

const blue = "My favourite colour is blue.";
const sunny = "It is sunny in Suwon.";
const parameters = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };

// threads and runs
const assistant = await client.beta.assistants.create({
  model: "gpt-6-luna",
  instructions: "Answer.",
  tools: [{ type: "function", function: { name: "get_weather", parameters } }],
});
const messages = [{ role: "user", content: "How is the weather?" }];
let run = await client.beta.threads.createAndRunPoll({ assistant_id: assistant.id, thread: { messages } });
same("createAndRunPoll", run.status, "requires_action");
const call = run.required_action.submit_tool_outputs.tool_calls[0];
run = await client.beta.threads.runs.submitToolOutputsAndPoll(run.id, {
  thread_id: run.thread_id,
  tool_outputs: [{ tool_call_id: call.id, output: "sunny" }],
});
const said = await client.beta.threads.messages.list(run.thread_id, { run_id: run.id });
same("submitToolOutputsAndPoll", said.data[0].content[0].text.value, sunny);
await client.beta.threads.messages.create(run.thread_id, { role: "user", content: "Which colour do you like?" });
const events = client.beta.threads.runs.stream(run.thread_id, { assistant_id: assistant.id });
let pieces = "";
events.on("textDelta", (delta) => (pieces += delta.value));
same("runs.stream", (await events.finalRun()).status, "completed");
same("… its text", pieces, blue);

// responses and conversations
const tools = [{ type: "function", name: "get_weather", parameters, strict: false }];
const first = await client.responses.create({ model: "gpt-6-luna", input: "How is the weather?", tools });
const called = first.output.find((item) => item.type === "function_call");
const second = await client.responses.create({
  model: "gpt-6-luna",
  previous_response_id: first.id,
  input: [{ type: "function_call_output", call_id: called.call_id, output: "sunny" }],
  tools,
});
same("responses.create", second.output_text, sunny);
const stream = client.responses.stream({ model: "gpt-6-luna", input: "Which colour do you like?" });
same("responses.stream", (await stream.finalResponse()).output_text, blue);
const conversation = await client.conversations.create();
await client.responses.create({ model: "gpt-6-luna", input: "Which colour?", conversation: conversation.id });
const kept = [];
for await (const item of client.conversations.items.list(conversation.id)) kept.push(item.type);
same("conversations", kept, ["message", "message"]);

process.exit(failed ? 1 : 0);

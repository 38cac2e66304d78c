// The shapes of what the server tells, for the type checker.

/** @typedef {{field: string, origin: string, what: string}} Moved */
/** @typedef {{day: string, over: boolean}} Shutdown */
/** @typedef {{time: string, command: string, snapshot: string}} Applied */
/**
 * @typedef {object} Card
 * @property {string} address @property {string} name @property {string | null} model
 * @property {Shutdown | null} shutdown @property {string[]} tools @property {string[]} knowledge
 * @property {string[]} functions @property {string} commit @property {Applied | null} applied
 * @property {Moved[]} drift @property {string} place @property {"reading" | "live" | "absent" | "orphan"} state
 * @property {string} action @property {string} why @property {string} id
 */
/**
 * @typedef {object} Store
 * @property {string} address @property {string} name @property {number} documents @property {number} bytes
 * @property {Record<string, number>} states @property {"reading" | "live" | "absent" | "orphan"} state
 * @property {string} action @property {string} why @property {string} id @property {Moved[]} [drift]
 */
/** @typedef {{kind: string, id: string, name: string, model: string, project: string}} Foreign */
/** @typedef {{totals: string, pending: {address: string, action: string, detail: string}[], refusal: string}} PlanShown */
/**
 * @typedef {object} State
 * @property {string} project @property {{name: string, api: string, base_url: string}} account
 * @property {string} error @property {string} broken @property {boolean} reading
 * @property {{severity: string, text: string}[]} problems @property {Card[]} assistants
 * @property {Store[]} stores @property {Foreign[]} foreign @property {PlanShown | null} plan @property {number} version
 */
/** @typedef {{path: string, size: number | null, status: string, id: string, error: string, foreign: boolean}} DocumentRow */
/** @typedef {{source: string, score: number | null, text: string, attributes?: Record<string, any>}} Passage */
/**
 * One thing that happened in a conversation; which fields it has, its type says.
 * @typedef {object} Entry
 * @property {number} n @property {number} turn @property {string} type
 * @property {string} [address] @property {string} [text] @property {{id: string, name: string}[]} [files]
 * @property {string[]} [citations] @property {string} [kind] @property {string[]} [queries] @property {Passage[]} [passages]
 * @property {string} [code] @property {{logs?: string, image?: string}[]} [outputs] @property {any} [data]
 * @property {string} [id] @property {string} [name] @property {string} [arguments] @property {any} [parameters]
 * @property {string} [by] @property {string} [output] @property {string} [failure] @property {string} [status]
 * @property {string} [reason] @property {boolean} [ok] @property {number} [before] @property {string} [thread]
 */
/** @typedef {{id: string, thread: string, title: string, busy: boolean, entries: number}} Conversation */
/** @typedef {{name: string, description?: string, parameters?: any, strict?: boolean, sample: string, handler: string}} FunctionShown */

export {};

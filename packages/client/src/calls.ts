export { Api, api, type ApiOptions, type CallOptions } from './call/api.ts'
export type { BatchRequest, BatchResponse } from './call/batch.ts'
export { ApiError, type ApiErrorFacts } from './call/errors.ts'
export { graph, type GraphOptions } from './call/graph.ts'

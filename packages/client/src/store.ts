export type { StoreWarning } from './store/circuit.ts'
export { type StoreRule, storeRules, type StoreSubject } from './store/conformance.ts'
export { fileStore, type FileStoreOptions } from './store/file-store.ts'
export { postgresStore, type PostgresPool, type PostgresStoreOptions } from './store/postgres-store.ts'
export {
  type ClosableStore,
  type RedisClient,
  redisStore,
  type RedisStoreOptions,
} from './store/redis-store.ts'
export { type SharedStore, sharedStore, type SharedStoreOptions } from './store/shared-store.ts'
export { ENTRY_MAX_BYTES, type StoredEntry, type TokenStore } from './store/store.ts'

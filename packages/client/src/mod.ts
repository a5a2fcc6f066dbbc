export * from './tokens.ts'
export * from './calls.ts'

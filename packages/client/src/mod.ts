export * from './tokens.ts'
export * from './calls.ts'
export * from './consent.ts'

// Express 4 and 5 side by side; what the tests use has the same types in both.
declare module 'express4' {
  export { default } from 'express'
}

export { NotFoundScreen as JobScreen } from '#src/shell/other-screens.tsx'

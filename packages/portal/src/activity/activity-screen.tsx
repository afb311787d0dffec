export { NotFoundScreen as ActivityScreen } from '#src/shell/other-screens.tsx'

<?php
// region verify
const TOLERANCE_SECONDS = 300;

/** $body: the bytes as they came, file_get_contents('php://input'); $secrets: whsec_…, two while one is rotated out */
function is_genuine(string $body, string $id, string $timestamp, string $signatures, array $secrets, ?int $now = null): bool
{
    if ($id === '' || !preg_match('/\A\d+\z/', $timestamp)) {
        return false;
    }
    if (abs(($now ?? time()) - (int) $timestamp) > TOLERANCE_SECONDS) {
        return false;
    }
    foreach ($secrets as $secret) {
        $key = base64_decode(substr($secret, strlen('whsec_')));
        $expected = 'v1,' . base64_encode(hash_hmac('sha256', "$id.$timestamp.$body", $key, true));
        foreach (explode(' ', $signatures) as $signature) {
            if (hash_equals($expected, $signature)) {
                return true;
            }
        }
    }
    return false;
}
// endregion verify

while (($line = fgets(STDIN)) !== false) {
    $fields = array_map(fn ($field) => $field === '-' ? '' : $field, explode("\t", rtrim($line, "\n")));
    [$id, $timestamp, $signatures, $secrets, $now, $body] = $fields;
    echo is_genuine(base64_decode($body), $id, $timestamp, $signatures, explode(' ', $secrets), (int) $now) ? "ok\n" : "refused\n";
}

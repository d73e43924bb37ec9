<?php
// The entry by PHP-FPM and curl: one upstream after the other, one handle reused. Required parts end the entry when
// they fail, the others degrade.
declare(strict_types=1);

const PART_TIMEOUT_MS = 800;

final class UpstreamFailed extends Exception {}

function fetchPart(CurlHandle $curl, string $url): array
{
    $began = hrtime(true);
    curl_setopt($curl, CURLOPT_URL, $url);
    $body = curl_exec($curl);
    if ($body === false) {
        throw new UpstreamFailed(curl_error($curl));
    }
    $status = curl_getinfo($curl, CURLINFO_RESPONSE_CODE);
    if ($status !== 200) {
        throw new UpstreamFailed("status $status");
    }
    $data = json_decode($body, true, flags: JSON_THROW_ON_ERROR);
    return ['status' => 'ok', 'data' => $data, 'ms' => (hrtime(true) - $began) / 1e6];
}

function optionalPart(CurlHandle $curl, string $url): array
{
    $began = hrtime(true);
    try {
        return fetchPart($curl, $url);
    } catch (UpstreamFailed | JsonException $error) {
        return ['status' => 'failed', 'error' => $error->getMessage(), 'ms' => (hrtime(true) - $began) / 1e6];
    }
}

function answer(int $status, array $body): void
{
    http_response_code($status);
    header('Content-Type: application/json');
    echo json_encode($body, JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE);
}

$id = '/^[\w-]{1,64}$/';
$user = $_SERVER['HTTP_X_USER_ID'] ?? '';
$platform = $_GET['platform'] ?? 'web';
if (!preg_match('#^/v1/rooms/([\w-]{1,64})/entry(\?|$)#', $_SERVER['REQUEST_URI'], $match)) {
    answer(404, ['title' => 'Not Found']);
    return;
}
if (!preg_match($id, $user) || !preg_match($id, $platform)) {
    answer(400, ['title' => 'Bad Request']);
    return;
}
$room = $match[1];
$base = fn (string $name): string => $_SERVER["PORTICO_UPSTREAM_$name"];
$curl = curl_init();
curl_setopt_array($curl, [CURLOPT_RETURNTRANSFER => true, CURLOPT_TIMEOUT_MS => PART_TIMEOUT_MS, CURLOPT_NOSIGNAL => true]);

try {
    $parts = [
        'version' => optionalPart($curl, "{$base('VERSION')}/version?platform=$platform"),
        'live' => fetchPart($curl, "{$base('LIVE')}/rooms/$room"),
        'user' => fetchPart($curl, "{$base('USER')}/users/$user"),
        'equity' => optionalPart($curl, "{$base('EQUITY')}/users/$user/equity?roomId=$room"),
        'statistics' => optionalPart($curl, "{$base('STATISTICS')}/rooms/$room/statistics"),
    ];
} catch (UpstreamFailed | JsonException) {
    answer(502, ['title' => 'Bad Gateway']);
    return;
}
$complete = array_reduce($parts, fn (bool $all, array $part): bool => $all && $part['status'] === 'ok', true);
answer(200, ['roomId' => $room, 'userId' => $user, 'mode' => 'degrade', 'complete' => $complete, 'parts' => $parts]);

# region verify
require "openssl"

TOLERANCE_SECONDS = 300

# body: the bytes as they came (Rails: request.raw_post); secrets: whsec_…, two while one is rotated out
def genuine?(body, id, timestamp, signatures, secrets, now = Time.now.to_i)
  return false if id.to_s.empty? || !timestamp.to_s.match?(/\A\d+\z/)
  return false if (now - timestamp.to_i).abs > TOLERANCE_SECONDS

  secrets.any? do |secret|
    key = secret.delete_prefix("whsec_").unpack1("m")
    expected = "v1," + [OpenSSL::HMAC.digest("SHA256", key, "#{id}.#{timestamp}.".b + body.b)].pack("m0")
    signatures.to_s.split(" ").any? { |signature| OpenSSL.secure_compare(signature, expected) }
  end
end
# endregion verify

$stdin.each_line(chomp: true) do |line|
  id, timestamp, signatures, secrets, now, body = line.split("\t").map { |field| field == "-" ? "" : field }
  genuine = genuine?(body.unpack1("m"), id, timestamp, signatures, secrets.split(" "), now.to_i)
  puts genuine ? "ok" : "refused"
end

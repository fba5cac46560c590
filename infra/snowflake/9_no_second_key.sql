-- After the first, so that one of them signs in at any time.
ALTER USER %(user)s UNSET RSA_PUBLIC_KEY_2;
